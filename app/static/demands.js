// The record of a contact: what a result does not need is not asked for.
(() => {
  "use strict";
  const needs = {
    next_step: ["following"],
    next_at: ["following"],
    amount: ["won"],
    lost_reason: ["lost", "invalid"],
  };
  const result = document.getElementById("result");
  if (!result) {
    return;
  }
  const show = () => {
    for (const [name, results] of Object.entries(needs)) {
      const field = document.getElementById(name)?.closest(".field");
      if (field) {
        field.hidden = !results.includes(result.value);
      }
    }
  };
  result.addEventListener("change", show);
  show();
})();
