// A listing's price beside the guide price: a word while one types, before anything is sent.
(() => {
  "use strict";
  const WITH_PRICE = ["fixed", "range", "from"];

  function start(guide) {
    const { prefix, unit, low, top } = guide.dataset;
    const field = (name) => document.getElementById(prefix + name);
    const cents = (name) => Math.round(Number(field(name).value.replace(/[,\s]/g, "")) * 100);
    const warning = guide.querySelector("[data-guide-warning]");
    const price = field("price_from");
    price.closest(".field").append(warning);
    const check = () => {
      const mode = field("price_mode").value;
      const compared = WITH_PRICE.includes(mode) && price.value && field("unit").value === unit;
      const highest = mode === "range" ? cents("price_to") : cents("price_from");
      const off = cents("price_from") < Number(low) || (top && highest > Number(top));
      warning.hidden = !(compared && off);
    };
    for (const name of ["price_mode", "price_from", "price_to", "unit"]) {
      field(name).addEventListener("input", check);
      field(name).addEventListener("change", check);
    }
    check();
  }

  document.querySelectorAll("[data-guide][data-unit]:not([data-unit=''])").forEach(start);
})();
