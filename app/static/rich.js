// Texts with formatting: an editor over the text field that the form sends.  It writes classes,
// never styles, and shows only pictures that were uploaded; the server cleans what it gets.
(() => {
  "use strict";

  const words = JSON.parse(document.getElementById("ui-words")?.textContent || "{}");
  const csrfToken = document.querySelector("meta[name=csrf-token]")?.content || "";
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const fields = all("[data-rich]");
  const FORMATS = [
    "header", "bold", "italic", "underline", "strike", "list", "blockquote", "align", "indent",
    "link", "image",
  ];
  const STORED = /^\/files\/\d+\/$/;

  function load({ richEditorJs, richEditorCss }) {
    return new Promise((resolve, reject) => {
      const style = Object.assign(document.createElement("link"), { rel: "stylesheet" });
      style.href = richEditorCss;
      const script = Object.assign(document.createElement("script"), { src: richEditorJs });
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      document.head.insertBefore(style, one("link[rel=stylesheet][href*='ui.css']"));
      document.head.append(script);
    });
  }

  function say(field, text) {
    const error = one("[data-rich-error]", field);
    error.textContent = text;
    error.hidden = !text;
  }

  async function upload(field, file) {
    const body = new FormData();
    body.append("rule", field.dataset.richRule);
    body.append("file", file);
    const headers = { "X-CSRFToken": csrfToken, Accept: "application/json" };
    try {
      const response = await fetch(field.dataset.richUpload, { method: "POST", body, headers });
      const reply = await response.json();
      if (response.ok && reply.id) return `/files/${reply.id}/`;
      say(field, reply.error || words.upload_failed);
    } catch {
      say(field, words.upload_failed);
    }
    return "";
  }

  async function insert(field, editor, files) {
    say(field, "");
    for (const file of files) {
      const address = await upload(field, file);
      if (!address) return;
      const at = editor.getSelection(true).index;
      editor.insertEmbed(at, "image", address, "user");
      editor.setSelection(at + 1, "silent");
    }
  }

  function startTools(field, editor) {
    const tools = one("[data-rich-tools]", field);
    const link = one("[data-rich-link]", field);
    const file = one("[data-rich-file]", field);
    const act = (button) => {
      const { format, value } = button.dataset;
      const range = editor.getSelection(true);
      const held = editor.getFormat(range)[format];
      if (format === "image") file.click();
      else if (format === "clean") editor.removeFormat(range.index, range.length, "user");
      else if (format === "link" && held) editor.format("link", false, "user");
      else if (format === "link") {
        link.hidden = !link.hidden;
        if (!link.hidden) one("input", link).focus();
      } else {
        const wanted = value === "2" ? 2 : value || true;
        editor.format(format, held === wanted ? false : wanted, "user");
      }
    };
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-format]");
      if (button) act(button);
    });
    const insertLink = () => {
      const address = one("input", link).value.trim();
      link.hidden = true;
      const range = editor.getSelection(true);
      if (!/^https?:\/\//.test(address)) return;
      if (range.length) editor.format("link", address, "user");
      else editor.insertText(range.index, address, "link", address, "user");
      one("input", link).value = "";
    };
    one("button", link).addEventListener("click", insertLink);
    one("input", link).addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      insertLink();
    });
    file.addEventListener("change", () => {
      insert(field, editor, [...file.files]);
      file.value = "";
    });
    editor.on("editor-change", () => {
      const held = editor.getSelection() ? editor.getFormat() : {};
      all("button[data-format]", tools).forEach((button) => {
        const { format, value } = button.dataset;
        const on = value ? String(held[format]) === value : Boolean(held[format]);
        button.setAttribute("aria-pressed", String(on));
      });
    });
  }

  function build(field) {
    const area = one("textarea", field);
    const count = one("[data-rich-count]", field);
    const most = field.dataset.richMost;
    const editor = new Quill(one("[data-rich-editor]", field), {
      formats: FORMATS,
      modules: {
        toolbar: false,
        uploader: {
          mimetypes: ["image/png", "image/jpeg"],
          handler: (_range, files) => insert(field, editor, files),
        },
      },
    });
    const Delta = Quill.import("delta");
    editor.clipboard.addMatcher("IMG", (node, delta) =>
      STORED.test(node.getAttribute("src") || "") ? delta : new Delta());
    editor.setContents(editor.clipboard.convert({ html: area.value }), "silent");
    editor.history.clear();
    const counted = () => {
      const length = editor.getText().trim().length;
      count.textContent = most ? `${length} / ${most}` : String(length);
    };
    editor.on("text-change", () => {
      const empty = !editor.getText().trim() && !one("img", editor.root);
      area.value = empty ? "" : editor.root.innerHTML;
      area.dispatchEvent(new Event("input", { bubbles: true }));
      counted();
    });
    Object.entries({
      role: "textbox",
      "aria-multiline": "true",
      "aria-labelledby": `${area.id}-label`,
      "aria-describedby": area.getAttribute("aria-describedby") || "",
      "aria-required": area.getAttribute("aria-required") || "false",
      "aria-invalid": area.getAttribute("aria-invalid") || "false",
    }).forEach(([name, value]) => editor.root.setAttribute(name, value));
    document.getElementById(`${area.id}-label`)?.addEventListener("click", () => editor.focus());
    startTools(field, editor);
    one("[data-rich-box]", field).hidden = false;
    field.classList.add("rich-ready");
    counted();
  }

  load(fields[0].dataset).then(() => fields.forEach(build), () => {
    fields.forEach((field) => say(field, words.load_failed));
  });
})();
