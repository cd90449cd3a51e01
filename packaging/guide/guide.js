// The theme makes a landmark of each group of chapters and of each code block's button. Screen readers would list
// dozens of them without a name.
const GROUPS = "nav.md-code__nav, nav.md-nav[data-md-level]:not([data-md-level='0'])";

function quieten() {
  for (const group of document.querySelectorAll(GROUPS)) {
    for (const name of ["aria-expanded", "aria-label", "aria-labelledby"]) group.removeAttribute(name);
    group.setAttribute("role", "none");
  }
}

quieten();
new MutationObserver(quieten).observe(document.body, { attributeFilter: ["aria-expanded"], childList: true, subtree: true });
