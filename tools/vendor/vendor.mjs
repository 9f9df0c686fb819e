// Copies the third-party browser assets into app/static/vendor and builds the icon sprite.
// Run `npm ci && npm run vendor` here to upgrade; the results are committed.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, "node_modules");
const STATIC = join(HERE, "..", "..", "app", "static");
const VENDOR = join(STATIC, "vendor");

const FILES = [
  ["bootstrap", "dist/css/bootstrap.min.css", "bootstrap.min.css"],
  ["bootstrap", "LICENSE", "LICENSE.bootstrap.txt"],
  ["tom-select", "dist/js/tom-select.popular.min.js", "tom-select.popular.min.js"],
  ["tom-select", "dist/css/tom-select.bootstrap5.min.css", "tom-select.bootstrap5.min.css"],
  ["tom-select", "LICENSE", "LICENSE.tom-select.txt"],
  ["quill", "dist/quill.js", "quill.js"],
  ["quill", "dist/quill.core.css", "quill.core.css"],
  ["quill", "LICENSE", "LICENSE.quill.txt"],
  ["@tabler/icons", "LICENSE", "LICENSE.tabler-icons.txt"],
];

const ICONS = [
  "layout-dashboard", "building", "building-store", "certificate", "send", "checklist",
  "speakerphone", "users", "menu-2", "search", "bell", "chevron-down", "chevron-up",
  "selector", "plus", "download", "refresh", "x", "check", "arrow-back-up", "upload",
  "file", "trash", "eye", "edit", "alert-triangle", "info-circle", "clock", "user",
  "logout", "language", "home", "external-link", "list-details", "settings",
  "circle-check", "circle-x", "paperclip", "phone", "calendar", "map-pin",
  "packages", "message-2", "file-certificate", "star", "trophy", "calendar-event", "chart-bar",
  "receipt", "users-plus", "users-group", "user-check", "user-cog", "user-plus", "mail", "link",
  "unlink", "bold", "italic", "underline", "list", "list-numbers", "heading", "photo",
  "clear-formatting", "align-left", "align-center", "align-right", "quote", "table-import",
  "photo-off",
];

const version = (name) =>
  JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8")).version;

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** Source maps are not shipped: the pointer to them would be a 404 in every console. */
const withoutSourceMap = (text) =>
  text
    .replace(/^\/\/# sourceMappingURL=.*$/gm, "")
    .replace(/\/\*# sourceMappingURL=[^*]*\*\//g, "")
    .trimEnd() + "\n";

/** One outline icon as a <symbol>, without the drawing-area rectangle of the source. */
function symbol(name) {
  const source = readFileSync(join(MODULES, "@tabler/icons/icons/outline", `${name}.svg`), "utf8");
  const shapes = source
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<svg[\s\S]*?>/, "")
    .replace("</svg>", "")
    .replace(/<path stroke="none"[^>]*\/>/, "")
    .replace(/\s+/g, " ")
    .trim();
  return `  <symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor"`
    + ` stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
}

mkdirSync(VENDOR, { recursive: true });
const lock = [];

for (const [name, from, to] of FILES) {
  const text = withoutSourceMap(readFileSync(join(MODULES, name, from), "utf8"));
  writeFileSync(join(VENDOR, to), text);
  lock.push({ file: `vendor/${to}`, package: name, version: version(name), sha256: sha256(text) });
}

const sprite =
  `<svg xmlns="http://www.w3.org/2000/svg">\n${ICONS.map(symbol).join("\n")}\n</svg>\n`;
writeFileSync(join(STATIC, "icons.svg"), sprite);
lock.push({
  file: "icons.svg",
  package: "@tabler/icons",
  version: version("@tabler/icons"),
  sha256: sha256(sprite),
});

writeFileSync(join(VENDOR, "vendor.lock.json"), JSON.stringify(lock, null, 2) + "\n");
