/** Markdown of models and users as safe elements: rendered by marked, cleaned by DOMPurify, links opened apart. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { Marked } from "marked";
import DOMPurify from "dompurify";
import { html } from "../html.js";
import { copy } from "./copy.js";

// Markup in the text is shown as text, and an image as its address: a remote one would be a request to somewhere
// else. Should anything slip through, only these are kept; no ids or classes, which could pose as ours.
const ALLOWED_TAGS = "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sub sup table tbody td th thead tr ul".split(" ");
const NO_ADDRESS = ["title", "start", "align"];
const ALLOWED_ATTR = ["href", ...NO_ADDRESS];

/** What stands where the gateway has taken a secret out. */
export const REDACTED = "SECRET_REDACTED";
export const REDACTED_TITLE = "A secret stood here. It was taken out before this was stored or sent to a model.";

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

const markdown = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ text, href }) => escaped(`${text} (${href})`),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** @param {string} text @returns {DocumentFragment} */
function render(text) {
  const dirty = /** @type {string} */ (markdown.parse(text, { async: false }));
  const fragment = DOMPurify.sanitize(dirty, { ALLOWED_TAGS, ALLOWED_ATTR, ADD_URI_SAFE_ATTR: NO_ADDRESS, ALLOW_DATA_ATTR: false, ALLOWED_URI_REGEXP: /^(https?:|mailto:)/i, RETURN_DOM_FRAGMENT: true });
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const block of fragment.querySelectorAll("pre")) makeCopyable(block);
  if (text.includes(REDACTED)) markRedacted(fragment);
  return fragment;
}

/** Shows where a secret stood. @param {DocumentFragment} fragment */
function markRedacted(fragment) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const node of texts) {
    for (let rest = node, at = rest.data.indexOf(REDACTED); at >= 0; at = rest.data.indexOf(REDACTED)) {
      const found = rest.splitText(at);
      rest = found.splitText(REDACTED.length);
      const mark = document.createElement("mark");
      mark.className = "redacted";
      mark.title = REDACTED_TITLE;
      found.replaceWith(mark);
      mark.append(found);
    }
  }
}

/** @param {HTMLPreElement} block of code, which scrolls by key and is copied by a button */
function makeCopyable(block) {
  block.tabIndex = 0;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy the code");
  const text = block.textContent ?? "";
  button.addEventListener("click", () => copy(text, "Code"));
  const frame = document.createElement("div");
  frame.className = "code-block";
  block.replaceWith(frame);
  frame.append(block, button);
}

/** @param {{text: string}} props */
export function Markdown({ text }) {
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  useLayoutEffect(() => element.current?.replaceChildren(render(text)), [text]);
  return html`<div class="markdown" ref=${element}></div>`;
}
