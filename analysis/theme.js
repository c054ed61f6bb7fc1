"use strict";
// What every page can do. Light or dark, as the system says until the reader says otherwise; where storage is allowed the page remembers it.
(function () {
  const root = document.documentElement, button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const tell = () => { button.textContent = isDark() ? "light" : "dark"; };
  try {
    const remembered = localStorage.getItem("boxlings-theme");
    if (remembered === "dark" || remembered === "light") root.dataset.theme = remembered;
  } catch (error) { /* pages opened from disk may have no storage: then nothing is remembered */ }
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("boxlings-theme", root.dataset.theme); } catch (error) { /* as above */ }
    tell();
  });
  system.addEventListener("change", tell);
  // on a narrow page a figure is seen whole at first, and can be made large enough to be read
  for (const figure of document.querySelectorAll("figure")) {
    const size = document.createElement("button");
    size.type = "button";
    size.textContent = "larger";
    size.addEventListener("click", () => {
      size.textContent = figure.classList.toggle("large") ? "smaller" : "larger";
    });
    figure.querySelector("figcaption").append(size);
  }
  button.title = "show the page in other colours";
  button.hidden = false;
  tell();
})();
