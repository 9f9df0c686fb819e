// Files in forms: chosen or dropped, sent one after the other with their progress, replaced and
// removed; and files shown in the page.  Loaded by ui.js where a page has such a field or link;
// everything is heard at the document, so that rows added later work as well.
(() => {
  "use strict";

  const words = JSON.parse(document.getElementById("ui-words")?.textContent || "{}");
  const csrfToken = document.querySelector("meta[name=csrf-token]")?.content || "";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const fill = (text, values) =>
    Object.entries(values).reduce((done, [name, value]) => done.replace(`{${name}}`, value), text);

  const megabytes = (bytes) =>
    bytes >= 1048576 ? `${+(bytes / 1048576).toFixed(1)} MB` : `${Math.ceil(bytes / 1024)} KB`;

  // --- the field -------------------------------------------------------------------------------

  const waiting = [];
  const requests = new WeakMap();
  let busy = false;

  const files = (box) => all("[data-sent]", box);
  const most = (box) => Number(box.dataset.most) || 1;

  function say(box, text) {
    const error = one("[data-upload-error]", box);
    error.textContent = text;
    error.hidden = !text;
    one("input[type=file]", box).setAttribute("aria-invalid", String(Boolean(text)));
  }

  function number(box) {
    const several = most(box) > 1;
    const there = files(box).length;
    one("[data-upload-first]", box).hidden = !several && there > 0;
    one("[data-upload-again]", box).hidden = several || there === 0;
    one("input[type=file]", box).disabled = several && there >= most(box);
  }

  function changed(box) {
    number(box);
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function accepted(file, accept) {
    const endings = accept.split(",").filter(Boolean);
    const name = file.name.toLowerCase();
    return !endings.length || endings.some((ending) => name.endsWith(ending));
  }

  /** Why a file cannot be sent at all; empty when it can. */
  function fault(box, file) {
    const limit = Number(box.dataset.maxBytes);
    if (!file.size) return words.file_empty;
    if (limit && file.size > limit) return fill(words.too_large, { size: megabytes(limit) });
    return accepted(file, one("input[type=file]", box).accept) ? "" : words.wrong_type;
  }

  function line(box, file) {
    const item = one("[data-sent]", one("template", box).content).cloneNode(true);
    one("[data-sent-name]", item).textContent = file.name;
    one("[data-sent-note]", item).textContent = words.upload_waiting;
    one("progress", item).hidden = false;
    item.dataset.sentRunning = "";
    return item;
  }

  function take(box, chosen) {
    say(box, "");
    const room = most(box) > 1 ? most(box) - files(box).length : 1;
    const faults = chosen.length > room ? [fill(words.too_many, { most: most(box) })] : [];
    chosen.slice(0, Math.max(room, 0)).forEach((file) => {
      const text = fault(box, file);
      if (text) {
        faults.push(`${file.name}: ${text}`);
        return;
      }
      const item = line(box, file);
      const old = most(box) > 1 ? null : files(box);
      old?.filter((before) => "sentRunning" in before.dataset).forEach(drop);
      one("[data-sent-list]", box).append(item);
      waiting.push({ box, item, file, old });
    });
    if (faults.length) say(box, faults.join(" "));
    number(box);
    next();
  }

  /** A file is sent when the one before it is done: a slow line is not divided. */
  function next() {
    if (busy) return;
    const job = waiting.shift();
    if (job && !job.item.isConnected) next();
    else if (job) send(job);
  }

  function drop(item) {
    requests.get(item)?.abort();
    item.remove();
  }

  function done(job) {
    busy = false;
    requests.delete(job.item);
    delete job.item.dataset.sentRunning;
    one("progress", job.item).hidden = true;
    next();
  }

  function fail(job, text) {
    job.item.remove();
    done(job);
    say(job.box, `${job.file.name}: ${text || words.upload_failed}`);
    number(job.box);
  }

  function answer(request) {
    try {
      return JSON.parse(request.responseText);
    } catch {
      return {};
    }
  }

  function kept(job, reply) {
    const { box, item, file } = job;
    const address = `${box.dataset.upload}${reply.id}/`;
    const name = one("[data-sent-name]", item);
    const picture = one("[data-sent-picture]", item);
    const input = one("input[type=hidden]", item);
    job.old?.filter((before) => before !== item).forEach(drop);
    input.name = box.dataset.name;
    input.value = reply.id;
    name.textContent = reply.name;
    name.href = address;
    one("[data-sent-note]", item).textContent = reply.size;
    if (reply.preview) name.dataset.preview = reply.preview;
    if (reply.preview === "picture") {
      const image = document.createElement("img");
      image.alt = "";
      image.src = URL.createObjectURL(file);
      picture.append(image);
      picture.href = address;
      picture.dataset.preview = "picture";
      picture.hidden = false;
    }
    // What the server said of the missing or earlier file no longer holds.
    document.getElementById(`${one("input[type=file]", box).id}-error`)?.replaceChildren();
    done(job);
    changed(box);
  }

  function send(job) {
    const { box, item, file } = job;
    const bar = one("progress", item);
    const note = one("[data-sent-note]", item);
    const body = new FormData();
    body.append("rule", box.dataset.rule);
    body.append("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", box.dataset.upload);
    request.setRequestHeader("X-CSRFToken", csrfToken);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      const part = event.loaded / event.total;
      bar.value = part * 100;
      note.textContent = part === 1 ? words.upload_checking : fill(words.uploading, {
        percent: `${Math.floor(part * 100)}%`,
        sent: megabytes(part * file.size),
        size: megabytes(file.size),
      });
    });
    request.addEventListener("load", () => {
      const reply = answer(request);
      if (request.status < 400 && reply.id) kept(job, reply);
      else fail(job, reply.error);
    });
    request.addEventListener("error", () => fail(job, ""));
    request.addEventListener("abort", () => done(job));
    busy = true;
    requests.set(item, request);
    request.send(body);
  }

  document.addEventListener("change", (event) => {
    const box = event.target.type === "file" && event.target.closest("[data-upload]");
    if (!box) return;
    take(box, [...event.target.files]);
    event.target.value = "";
  });

  document.addEventListener("click", (event) => {
    const remove = event.target.closest("[data-sent-remove]");
    if (!remove) return;
    const box = remove.closest("[data-upload]");
    drop(remove.closest("[data-sent]"));
    say(box, "");
    changed(box);
    one("input[type=file]", box).focus();
  });

  const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const above = (event) => event.target.closest?.("[data-upload]");

  document.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault(); // beside a field too: the page must not give way to the file
    all(".upload.is-target").forEach((box) => box.classList.remove("is-target"));
    if (above(event)) above(event).classList.add("is-target");
    else event.dataTransfer.dropEffect = "none";
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) all(".upload.is-target").forEach((b) => b.classList.remove("is-target"));
  });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    all(".upload.is-target").forEach((box) => box.classList.remove("is-target"));
    const box = above(event);
    if (box && !one("input[type=file]", box).disabled) take(box, [...event.dataTransfer.files]);
  });

  window.addEventListener("beforeunload", (event) => {
    if (one("[data-sent-running]")) event.preventDefault();
  });

  all("[data-upload]").forEach(number);

  // --- files shown in the page -------------------------------------------------------------------

  let dialog = null;

  const element = (name, values, ...inside) => {
    const made = Object.assign(document.createElement(name), values);
    made.append(...inside);
    return made;
  };

  function frame() {
    if (dialog) return dialog;
    const close = element("button", { type: "button", className: "btn btn-light" }, words.close);
    const title = element("h2", { className: "preview-title", id: "preview-title" });
    const save = element("a", { className: "btn btn-light preview-save" }, words.download);
    const head = element("div", { className: "preview-head" }, title, save, close);
    dialog = element("dialog", { className: "preview" }, head, element("div", { className: "preview-body" }));
    dialog.setAttribute("aria-labelledby", "preview-title");
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => one(".preview-body", dialog).replaceChildren());
    document.body.append(dialog);
    return dialog;
  }

  function show(link) {
    const name = link.title || link.textContent.trim() || one("img", link)?.alt
      || one("[data-sent-name]", link.parentElement)?.textContent || "";
    const shown = link.dataset.preview === "pdf"
      ? element("iframe", { src: link.href, title: name })
      : element("img", { src: link.href, alt: name });
    const box = frame();
    one(".preview-title", box).textContent = name;
    Object.assign(one(".preview-save", box), { href: link.href, download: name });
    one(".preview-body", box).replaceChildren(shown);
    box.showModal();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-preview][href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    // A browser without a viewer of its own saves the PDF, as the link does.
    if (link.dataset.preview === "pdf" && !navigator.pdfViewerEnabled) return;
    event.preventDefault();
    show(link);
  });
})();
