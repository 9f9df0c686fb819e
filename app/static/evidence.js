// Verifying a long log: step by step with a bar, then the answer of the server as a whole.
(() => {
  "use strict";

  const form = document.querySelector("form[data-verify]");
  if (!form) {
    return;
  }
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");
  const token = form.querySelector("[name=csrf_token]").value;

  async function walk() {
    let part = { checked: 0, is_last: false };
    while (!part.is_last) {
      const answer = await fetch(`${form.action}${part.checked}/`, {
        method: "POST",
        headers: { "X-CSRFToken": token, Accept: "application/json" },
      });
      if (!answer.ok) {
        return;
      }
      part = await answer.json();
      bar.value = part.total ? (100 * part.checked) / part.total : 100;
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    bar.hidden = false;
    try {
      await walk();
    } finally {
      form.submit();
    }
  });
})();
