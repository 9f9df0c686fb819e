/* Scheduled jobs: while something waits or runs, the page follows it without a reload. */
(() => {
  "use strict";

  const PAUSE = 2000;
  const part = () => document.querySelector("[data-live]");

  /* Whoever is about to press a button keeps it under the finger, also while a dialog asks back. */
  const chosen = () => part().contains(document.activeElement) && document.activeElement.matches("a, button, summary");
  const busy = () => document.querySelector("dialog[open]") || chosen();

  async function follow() {
    if (part().dataset.live !== "open") return;
    if (!document.hidden && !busy()) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (answer.ok && !answer.redirected) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
          if (fresh && !busy()) part().replaceWith(document.adoptNode(fresh));
        }
      } catch {
        /* The server may be restarting: the next round tells. */
      }
    }
    setTimeout(follow, PAUSE);
  }

  if (part()) setTimeout(follow, PAUSE);
})();
