// Sets the chosen theme before the first paint, so that a dark reading room sees no white flash.
(() => {
  try {
    const chosen = localStorage.getItem("casekin.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; the system's preference then decides.
  }
})();
