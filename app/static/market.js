// The page of a product: a look at it counts, once for each visit of the browser.
(() => {
  "use strict";

  const address = document.querySelector("[data-seen]")?.dataset.seen;
  const csrfToken = document.querySelector("meta[name=csrf-token]")?.content || "";
  if (!address) return;
  try {
    if (sessionStorage.getItem(address)) return;
    sessionStorage.setItem(address, "1");
  } catch {
    return;
  }
  fetch(address, { method: "POST", headers: { "X-CSRFToken": csrfToken } }).catch(() => null);
})();
