/** Light or dark: the system's, until the user chooses; paper is light. The shell applies it before the first paint. */
import { signal } from "@preact/signals";

const system = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
const current = () => /** @type {"light" | "dark"} */ (paper.matches ? "light" : (localStorage.getItem("theme") ?? (system.matches ? "dark" : "light")));

export const theme = signal(current());

function apply() {
  document.documentElement.dataset.bsTheme = theme.value = current();
}

system.addEventListener("change", apply);
paper.addEventListener("change", apply);
window.addEventListener("storage", apply);

/** Switches; choosing what the system says follows the system again. */
export function toggleTheme() {
  const wanted = theme.value === "dark" ? "light" : "dark";
  if (wanted === (system.matches ? "dark" : "light")) localStorage.removeItem("theme");
  else localStorage.setItem("theme", wanted);
  apply();
}
