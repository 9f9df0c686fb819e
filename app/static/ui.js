// What the pages do beyond HTML: menus, confirmation, remote selects, child rows, drafts;
// uploads are in upload.js. Words come from the JSON block #ui-words, addresses from data attributes.
(() => {
  "use strict";

  const root = document.documentElement;
  const words = JSON.parse(document.getElementById("ui-words")?.textContent || "{}");
  const csrfToken = document.querySelector("meta[name=csrf-token]")?.content || "";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const fill = (text, values) =>
    Object.entries(values).reduce((done, [name, value]) => done.replace(`{${name}}`, value), text);
  const changed = (element) => element.dispatchEvent(new Event("change", { bubbles: true }));

  /** Browser storage may be switched off; then nothing is remembered. */
  const stored = (area, act) => {
    try {
      return act(window[area]);
    } catch {
      return null;
    }
  };

  // --- frame: menu at the side, menus that drop down, confirmation -----------------------

  const narrow = matchMedia("(max-width: 900px)");

  function markSide() {
    const shown = narrow.matches
      ? root.classList.contains("side-open")
      : !root.classList.contains("side-min");
    all("button[data-side-toggle]").forEach((button) => {
      button.setAttribute("aria-expanded", String(shown));
    });
  }

  function toggleSide() {
    if (narrow.matches) {
      root.classList.toggle("side-open");
    } else {
      const small = root.classList.toggle("side-min");
      stored("localStorage", (area) => area.setItem("side-min", small ? "1" : ""));
    }
    markSide();
  }

  function startSide() {
    if (stored("localStorage", (area) => area.getItem("side-min"))) {
      root.classList.add("side-min");
    }
    markSide();
    narrow.addEventListener("change", () => {
      root.classList.remove("side-open");
      markSide();
    });
    document.addEventListener("click", (event) => {
      if (event.target.closest("[data-side-toggle]")) toggleSide();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && root.classList.contains("side-open")) toggleSide();
    });
  }

  function startMenus() {
    const open = () => all("details.menu[open]");
    document.addEventListener("click", (event) => {
      open().forEach((menu) => {
        if (!menu.contains(event.target)) menu.open = false;
      });
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      open().forEach((menu) => {
        menu.open = false;
        one("summary", menu).focus();
      });
    });
  }

  function ask(text, danger) {
    const dialog = document.getElementById("confirm-dialog");
    const yes = one("[value=ok]", dialog);
    one(".confirm-text", dialog).textContent = text;
    yes.classList.toggle("btn-danger", danger);
    yes.classList.toggle("btn-primary", !danger);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
    });
  }

  function startConfirm() {
    const agreed = new WeakSet();
    document.addEventListener("submit", async (event) => {
      const button = event.submitter;
      if (event.defaultPrevented || !button?.dataset.confirm || agreed.has(button)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (await ask(button.dataset.confirm, "danger" in button.dataset)) {
        agreed.add(button);
        event.target.requestSubmit(button);
        agreed.delete(button);
      }
    });
  }

  // --- lists -----------------------------------------------------------------------------

  function startFilters() {
    all("[data-filters]").forEach((form) => {
      const more = one("[data-filters-more]", form);
      more?.addEventListener("click", () => {
        const open = form.classList.toggle("open");
        more.setAttribute("aria-expanded", String(open));
        one("span", more).textContent = open ? words.collapse : words.expand;
      });
      form.addEventListener("submit", () => {
        all("[name]", form).forEach((input) => {
          input.disabled = input.value === "";
        });
      });
    });
    window.addEventListener("pageshow", () => {
      all("[data-filters] [name]").forEach((input) => {
        input.disabled = false;
      });
    });
    all("[data-dates]").forEach((group) => {
      const joined = one("input[type=hidden]", group);
      const [from, to] = all("input:not([type=hidden])", group);
      group.addEventListener("change", () => {
        joined.value = from.value || to.value ? `${from.value}~${to.value}` : "";
      });
    });
  }

  function startTabs() {
    all("[data-tabs]").forEach((list) => {
      const tabs = all("[role=tab]", list);
      const choose = (chosen) => {
        tabs.forEach((tab) => {
          const active = tab === chosen;
          tab.setAttribute("aria-selected", String(active));
          tab.tabIndex = active ? 0 : -1;
          document.getElementById(tab.getAttribute("aria-controls")).hidden = !active;
        });
      };
      list.addEventListener("click", (event) => {
        const tab = event.target.closest("[role=tab]");
        if (tab) choose(tab);
      });
      list.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
        choose(next);
        next.focus();
      });
    });
  }

  // --- selects that search -----------------------------------------------------------------

  let selectAssets = null;

  function loadSelectAssets() {
    selectAssets ??= new Promise((resolve, reject) => {
      const style = document.createElement("link");
      style.rel = "stylesheet";
      style.href = document.body.dataset.selectCss;
      const script = document.createElement("script");
      script.src = document.body.dataset.selectJs;
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      // Before our own sheet, so that ui.css has the last word.
      document.head.insertBefore(style, one("link[rel=stylesheet][href*='ui.css']"));
      document.head.append(script);
    });
    return selectAssets;
  }

  /** The server decides what a phrase finds: only rows of its last answer are offered. */
  function remoteOptions(endpoint) {
    let found = new Set();
    return {
      valueField: "id",
      labelField: "text",
      searchField: [],
      preload: "focus",
      score: () => (row) => (found.has(String(row.id)) ? 1 : 0),
      async load(phrase, done) {
        let rows = [];
        try {
          const address = new URL(endpoint, location.href);
          address.searchParams.set("q", phrase);
          const response = await fetch(address, { headers: { Accept: "application/json" } });
          if (response.ok) rows = await response.json();
        } catch {
          rows = [];
        }
        found = new Set(rows.map((row) => String(row.id)));
        this.clearOptions();
        done(rows);
      },
    };
  }

  function message(css, text) {
    const box = document.createElement("div");
    box.className = css;
    box.textContent = text;
    return box;
  }

  function buildSelect(select) {
    const { endpoint, placeholder } = select.dataset;
    const required = select.getAttribute("aria-required") === "true";
    const options = {
      placeholder,
      allowEmptyOption: false,
      maxOptions: 500,
      maxItems: select.multiple ? Number(select.dataset.most) || null : 1,
      plugins: select.multiple || !required ? { remove_button: { title: words.remove } } : {},
      onDropdownClose() {
        // A phrase typed just before would open the list again, over the button pressed next.
        clearTimeout(this.refreshTimeout);
        this.lastValue = "";
      },
      render: {
        no_results: () => message("no-results", words.no_results),
        loading: () => message("no-results", words.searching),
      },
    };
    if (select.multiple) {
      options.onItemAdd = function startAnew() {
        this.setTextboxValue("");
        this.refreshOptions();
      };
    }
    if (endpoint) Object.assign(options, remoteOptions(endpoint));
    const widget = new TomSelect(select, options);
    select.setAttribute("aria-hidden", "true");
    const described = select.getAttribute("aria-describedby");
    if (described) widget.control_input.setAttribute("aria-describedby", described);
    if (select.getAttribute("aria-invalid")) widget.control_input.setAttribute("aria-invalid", "true");
  }

  function startSelects(within) {
    const selects = all("select[data-select]", within);
    if (!selects.length) return;
    loadSelectAssets().then(() => selects.forEach(buildSelect), () => {
      selects.forEach((select) => {
        select.after(message("field-error", words.load_failed));
      });
    });
  }

  // --- counters and blocks that depend on a tick -------------------------------------------

  function startCounters(within) {
    all("[data-counter]", within).forEach((counter) => {
      const input = document.getElementById(counter.dataset.counter);
      if (!input) return;
      const max = Number(counter.dataset.max);
      const count = () => {
        const length = [...input.value].length;
        counter.textContent = `${length} / ${max}`;
        counter.classList.toggle("over", length > max);
      };
      input.addEventListener("input", count);
      count();
    });
  }

  /** Names that are known already: choosing one fills the other fields, which stay editable. */
  function startSuggestions() {
    all("[data-suggestions]").forEach((input) => {
      const list = document.getElementById(input.getAttribute("list"));
      let known = new Map();
      let timer = 0;
      const ask = async () => {
        const phrase = input.value.trim();
        if (phrase.length < 2) return;
        const answer = await fetch(`${input.dataset.suggestions}?q=${encodeURIComponent(phrase)}`);
        if (!answer.ok) return;
        const found = await answer.json();
        known = new Map(found.map((entry) => [entry.name.value, entry]));
        list.replaceChildren(...[...known.keys()].map((name) => new Option(name, name)));
      };
      const fill = (name, { value, text }) => {
        const target = one(`[name="${CSS.escape(name)}"]`, input.form);
        if (!target || target === input) return;
        target.tomselect?.addOption({ value, text, id: value });
        if (target.tomselect) target.tomselect.setValue(value);
        else target.value = value;
        target.dispatchEvent(new Event("input", { bubbles: true }));
      };
      input.addEventListener("input", () => {
        const chosen = known.get(input.value);
        if (chosen) Object.entries(chosen).forEach(([name, entry]) => fill(name, entry));
        clearTimeout(timer);
        timer = setTimeout(ask, 250);
      });
    });
  }

  /** A word beside a field about what stands in it; it forbids nothing. */
  function startRemarks() {
    all("[data-remarks]").forEach((input) => {
      const word = document.createElement("p");
      word.className = "field-warning";
      word.setAttribute("role", "status");
      input.closest(".field").append(word);
      const ask = async () => {
        const typed = input.value.trim();
        word.textContent = "";
        if (!typed) return;
        const sent = { method: "POST", headers: { "X-CSRFToken": csrfToken }, body: new URLSearchParams({ typed }) };
        const answer = await fetch(input.dataset.remarks, sent).catch(() => null);
        const said = answer?.ok ? (await answer.json()).said : "";
        if (typed === input.value.trim()) word.textContent = said;
      };
      input.addEventListener("change", ask);
      ask();
    });
  }

  function startConditions() {
    const blocks = all("[data-show-if]");
    if (!blocks.length) return;
    const update = () => {
      blocks.forEach((block) => {
        const form = block.closest("form");
        const flag = one(`[name="${CSS.escape(block.dataset.showIf)}"]`, form);
        if (flag) block.hidden = !flag.checked;
      });
    };
    document.addEventListener("change", update);
    update();
  }

  // --- child rows ----------------------------------------------------------------------------

  function startRows() {
    all("[data-rows]").forEach((box) => {
      const name = box.dataset.rows;
      const list = one("[data-row-list]", box);
      const template = one("template", box);
      const add = one("[data-row-add]", box);
      const most = Number(box.dataset.maxRows) || Infinity;
      const indexed = new RegExp(`${name.replace(/[^\w-]/g, "\\$&")}-(?:__i__|\\d+)-`, "g");

      const nextIndex = () => {
        const used = all(`[name^="${CSS.escape(name)}-"]`, list).map((input) =>
          Number.parseInt(input.name.slice(name.length + 1), 10) || 0);
        return used.length ? Math.max(...used) + 1 : 0;
      };
      const number = () => {
        const lines = all("[data-row]", list);
        lines.forEach((line, position) => {
          one("[data-row-number]", line).textContent = String(position + 1);
        });
        add.disabled = lines.length >= most;
      };
      add.addEventListener("click", () => {
        const index = nextIndex();
        const line = one("[data-row]", template.content).cloneNode(true);
        all("*", line).forEach((element) => {
          [...element.attributes].forEach((attribute) => {
            attribute.value = attribute.value
              .replace(indexed, `${name}-${index}-`)
              .replaceAll("__i__", index);
          });
        });
        list.append(line);
        number();
        enhance(line);
        one("input:not([type=hidden]), select, textarea", line)?.focus();
        changed(line);
      });
      list.addEventListener("click", (event) => {
        const remove = event.target.closest("[data-row-remove]");
        if (!remove) return;
        remove.closest("[data-row]").remove();
        number();
        changed(list);
        add.focus();
      });
      number();
    });
  }

  // --- files: upload.js, where a page has a field for them or shows one -------------------------

  function startFiles() {
    const address = document.body.dataset.uploadJs;
    const wanted = one("[data-upload], [data-preview]") || all("template").some((t) => one("[data-upload]", t.content));
    if (!address || !wanted) return;
    const script = document.createElement("script");
    script.src = address;
    document.head.append(script);
  }

  // --- drafts and the warning before leaving -----------------------------------------------

  const SECRET = /password|captcha|csrf_token/;

  const entries = (form) =>
    [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !SECRET.test(name));

  function startGuard() {
    const form = one("form[data-guard]");
    if (!form) return;
    const status = one("[data-draft-status]", form);
    const draft = form.dataset.draft;
    let dirty = false;
    let leaving = false;
    let timer = 0;

    const clock = () =>
      new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

    async function save() {
      clearTimeout(timer);
      dirty = false;
      status.textContent = words.draft_saving;
      try {
        const response = await fetch(draft, {
          method: "PUT",
          headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken },
          body: JSON.stringify(entries(form)),
        });
        if (!response.ok) throw new Error(response.statusText);
        status.textContent = fill(words.draft_saved, { time: clock() });
      } catch {
        dirty = true;
        status.textContent = words.draft_failed;
      }
    }

    function touched() {
      dirty = true;
      if (!draft) return;
      clearTimeout(timer);
      timer = setTimeout(save, 2000);
    }

    form.addEventListener("input", (event) => {
      if (event.target.name) touched();
    });
    form.addEventListener("change", touched);
    form.addEventListener("submit", (event) => {
      if (one("[data-sent-running]", form)) {
        event.preventDefault();
        status.textContent = words.uploads_running;
        return;
      }
      clearTimeout(timer);
      leaving = true;
    });
    // A form that came back with faults holds what no draft holds yet.
    if (one("[data-problems]")) touched();
    if (draft) {
      setInterval(() => {
        if (dirty) save();
      }, 30000);
      one("[data-draft-save]", form)?.addEventListener("click", save);
    }
    window.addEventListener("beforeunload", (event) => {
      if (dirty && !leaving) event.preventDefault();
    });
  }

  /** A half-filled registration stays in this browser; passwords and the captcha never do. */
  function startLocalDraft() {
    const form = one("form[data-local-draft]");
    const finished = stored("sessionStorage", (area) => area.getItem("local-draft-sent"));
    if (!form) {
      if (finished) {
        stored("localStorage", (area) => area.removeItem(finished));
        stored("sessionStorage", (area) => area.removeItem("local-draft-sent"));
      }
      return;
    }
    const key = form.dataset.localDraft;
    const fields = () =>
      all("[name]", form).filter(
        (field) => !SECRET.test(field.name) && field.name !== "accept_terms"
          && !["password", "file", "hidden"].includes(field.type),
      );
    const kept = stored("localStorage", (area) => JSON.parse(area.getItem(key) || "{}")) || {};

    fields().forEach((field) => {
      const saved = kept[field.name];
      if (!saved) return;
      if (field.type === "checkbox") {
        field.checked = field.checked || saved.includes(field.value);
      } else if (field.value === "" && field.options) {
        const { value, text } = saved;
        if (field.dataset.endpoint && value) field.add(new Option(text, value));
        field.value = value;
      } else if (field.value === "" && typeof saved === "string") {
        field.value = saved;
      }
    });

    function keep() {
      const values = {};
      fields().forEach((field) => {
        if (field.type === "checkbox") {
          if (field.checked) (values[field.name] ??= []).push(field.value);
        } else if (field.options) {
          const text = field.selectedOptions[0]?.textContent.trim() || "";
          values[field.name] = { value: field.value, text };
        } else {
          values[field.name] = field.value;
        }
      });
      stored("localStorage", (area) => area.setItem(key, JSON.stringify(values)));
    }
    form.addEventListener("input", keep);
    form.addEventListener("change", keep);
    form.addEventListener("submit", () => {
      keep();
      stored("sessionStorage", (area) => area.setItem("local-draft-sent", key));
    });
  }

  // --- small things ------------------------------------------------------------------------

  function startCaptcha() {
    all("[data-captcha]").forEach((button) => {
      const image = one("img", button);
      const [address] = image.getAttribute("src").split("?");
      button.addEventListener("click", () => {
        image.src = `${address}?n=${Date.now()}`;
        const input = document.getElementById("captcha");
        input.value = "";
        input.focus();
      });
    });
  }

  /** Texts with formatting are written in an editor of their own script. */
  function startRich() {
    const field = one("[data-rich]");
    if (!field) return;
    const script = document.createElement("script");
    script.src = field.dataset.richJs;
    document.head.append(script);
  }

  function startDecision() {
    const form = one("[data-decide]");
    if (!form) return;
    const opinion = form.elements.opinion;
    const error = one("[data-opinion-error]", form);
    const say = (text) => {
      error.textContent = text;
      opinion.classList.toggle("is-invalid", Boolean(text));
      opinion.setAttribute("aria-invalid", String(Boolean(text)));
    };
    form.addEventListener("click", (event) => {
      const phrase = event.target.closest("[data-phrase]");
      if (!phrase) return;
      const typed = opinion.value.trim();
      opinion.value = typed ? `${typed}\n${phrase.textContent.trim()}` : phrase.textContent.trim();
      say("");
      opinion.focus();
    });
    opinion.addEventListener("input", () => say(""));
    form.addEventListener("submit", (event) => {
      if (!event.submitter || !("opinionNeeded" in event.submitter.dataset)) return;
      if (opinion.value.trim()) return;
      event.preventDefault();
      say(words.opinion_needed);
      opinion.focus();
    });
  }

  function startSteps() {
    const links = all("[data-step]");
    if (!links.length) return;
    const mark = () => {
      const bottom = window.innerHeight + window.scrollY >= root.scrollHeight - 4;
      const passed = links.filter(
        (link) => document.getElementById(link.hash.slice(1)).getBoundingClientRect().top < 140,
      );
      const current = bottom && window.scrollY ? links.at(-1) : passed.at(-1) || links[0];
      links.forEach((link) => {
        if (link === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
    };
    window.addEventListener("scroll", mark, { passive: true });
    mark();
  }

  /** The parts a child row brings along as well. */
  function enhance(within) {
    startSelects(within);
    startCounters(within);
  }

  /** The box in the head of a list ticks all rows. */
  function startTicks() {
    one("[data-tick-all]")?.addEventListener("change", (event) => {
      all("td.cell-tick input").forEach((box) => {
        box.checked = event.target.checked;
      });
    });
  }

  startSide();
  startMenus();
  startFilters();
  startTabs();
  startConditions();
  startSuggestions();
  startRemarks();
  startLocalDraft();
  startRows();
  enhance(document);
  startFiles();
  startRich();
  startDecision();
  startConfirm();
  startGuard();
  startCaptcha();
  startSteps();
  startTicks();
  one("[data-problems]")?.focus();
})();
