// The pages of accounts: the button that sends a code, the slider before it, the remembered
// number, the strength of a new password.
(() => {
  "use strict";

  const csrfToken = document.querySelector("meta[name=csrf-token]")?.content || "";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);

  /** Browser storage may be switched off; then nothing is remembered. */
  const stored = (act) => {
    try {
      return act(window.localStorage);
    } catch {
      return null;
    }
  };

  // --- the slider (滑块验证码): its answer stays at the server --------------------------------

  function startSlider(box, solved) {
    const range = one("input[type=range]", box);
    const piece = one(".slider-piece", box);
    const follow = () => {
      piece.style.left = `${range.value}px`;
    };

    async function load() {
      const shown = await (await fetch(box.dataset.slider)).json();
      one(".slider-picture", box).src = shown.picture;
      piece.src = shown.piece;
      piece.style.top = `${shown.top}px`;
      range.max = shown.travel;
      range.value = 0;
      follow();
      box.hidden = false;
      range.focus();
    }

    range.addEventListener("input", follow);
    range.addEventListener("pointerup", () => {
      if (Number(range.value) > 0) setTimeout(() => solved(range.value));
    });
    range.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      solved(range.value);
    });
    one("[data-slider-new]", box).addEventListener("click", load);
    return load;
  }

  // --- the button that sends a code -----------------------------------------------------------

  function startCode(field) {
    const button = one("[data-send-code]", field);
    const box = one("[data-slider]", field);
    const error = one("[data-code-error]", field);
    const said = one("[data-code-said]", field);
    const words = button.textContent;

    const complain = (text) => {
      error.textContent = text;
      said.textContent = "";
    };

    function countDown(seconds) {
      const end = Date.now() + seconds * 1000;
      button.disabled = true;
      const tick = () => {
        const left = Math.ceil((end - Date.now()) / 1000);
        if (left <= 0) {
          button.disabled = false;
          button.textContent = words;
          return;
        }
        button.textContent = button.dataset.again.replace("{num}", left);
        setTimeout(tick, 250);
      };
      tick();
    }

    function filled() {
      const names = button.dataset.fields.split(" ").filter(Boolean);
      return names.map((name) => [name, document.getElementById(name)?.value || ""]);
    }

    async function send(place) {
      const body = new URLSearchParams(filled());
      if (place !== undefined) body.set("captcha", place);
      button.disabled = true;
      let status = 0;
      let answer = {};
      try {
        const response = await fetch(button.dataset.sendCode, {
          method: "POST",
          headers: { "X-CSRFToken": csrfToken },
          body,
        });
        status = response.status;
        answer = await response.json();
      } catch {
        answer.error = button.dataset.failed;
      }
      button.disabled = false;
      complain(answer.error || "");
      if (status === 200) {
        said.textContent = answer.said;
        if (box) box.hidden = true;
        one("input", field).focus();
      } else if (box && answer.field === "captcha") {
        await reload();
      } else if (box) {
        box.hidden = true;
      }
      if (answer.wait && answer.wait <= 120) countDown(answer.wait);
    }

    const reload = box ? startSlider(box, send) : null;
    button.addEventListener("click", async () => {
      complain("");
      if (!reload) {
        send();
        return;
      }
      const empty = filled().find(([, value]) => !value.trim());
      if (empty) {
        document.getElementById(empty[0]).focus();
        return;
      }
      try {
        await reload();
      } catch {
        complain(button.dataset.failed);
      }
    });
  }

  // --- the remembered number --------------------------------------------------------------------

  function startRemember(input) {
    const box = document.getElementById(input.dataset.remember);
    const kept = stored((area) => area.getItem("login-mobile"));
    if (kept) {
      box.checked = true;
      if (!input.value) input.value = kept;
    }
    input.form.addEventListener("submit", () => {
      stored((area) =>
        box.checked ? area.setItem("login-mobile", input.value) : area.removeItem("login-mobile"),
      );
    });
  }

  // --- the strength of a new password -------------------------------------------------------------

  function strength(password) {
    const kinds = [/[A-Z]/, /[a-z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password));
    if (password.length < 8 || kinds.length < 3) return 1;
    return Math.min(4, 1 + Number(kinds.length > 3) + Math.floor(password.length / 6));
  }

  function startStrength(input) {
    const box = document.getElementById(input.dataset.strength);
    const said = one("[data-words]", box);
    const words = said.dataset.words.split("|");
    input.addEventListener("input", () => {
      const value = strength(input.value);
      box.hidden = input.value === "";
      one("meter", box).value = value;
      said.textContent = words[value];
    });
  }

  all("[data-code-field]").forEach(startCode);
  all("[data-remember]").forEach(startRemember);
  all("[data-strength]").forEach(startStrength);
})();
