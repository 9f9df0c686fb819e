// Personal data is not in the page: 查看 asks what for, the server answers one value and keeps why.
(() => {
  "use strict";

  const dialog = document.getElementById("reveal-dialog");
  if (!dialog) {
    return;
  }
  const token = document.querySelector("meta[name=csrf-token]")?.content || "";
  const form = dialog.querySelector("form");
  const purpose = dialog.querySelector("[name=purpose]");
  const fault = dialog.querySelector("[data-fault]");
  let button = null;

  function say(text) {
    fault.textContent = text;
    fault.hidden = !text;
    purpose.setAttribute("aria-invalid", String(Boolean(text)));
  }

  document.addEventListener("click", (event) => {
    const asked = event.target.closest("button[data-reveal]");
    if (asked) {
      button = asked;
      say("");
      dialog.showModal();
      purpose.focus();
    } else if (event.target.closest("[data-reveal-cancel]")) {
      dialog.close();
    }
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const send = form.querySelector("[type=submit]");
    send.disabled = true;
    try {
      const answer = await fetch(button.dataset.reveal, {
        method: "POST",
        headers: { "X-CSRFToken": token, Accept: "application/json" },
        body: new URLSearchParams({ purpose: purpose.value }),
      });
      const told = await answer.json().catch(() => ({}));
      if (answer.ok) {
        const holder = button.closest("[data-masked]");
        const text = holder.querySelector("[data-masked-text]");
        text.textContent = told.value;
        text.title = told.value;
        button.remove();
        dialog.close();
      } else {
        say(told.error || dialog.dataset.failed);
      }
    } catch {
      say(dialog.dataset.failed);
    } finally {
      send.disabled = false;
    }
  });
})();
