/** Terminal output as coloured spans: the colours of SGR sequences (ECMA-48), everything else of an escape dropped. */

/** @typedef {{fg?: string, bg?: string, bold?: boolean, dim?: boolean, italic?: boolean, underline?: boolean}} Style */
/** @typedef {{text: string, style: Style}} Span */

// CSI sequences, OSC strings up to their terminator, and two-character escapes.
const ESCAPE = /\x1b(?:\[([0-9;:?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** A text without what gives it colours in a terminal. @param {string} text */
export const plain = (text) => text.replace(ESCAPE, "");

/** @param {number[]} codes what follows 38 or 48; consumed codes are taken off @returns {string | undefined} */
function extendedColour(codes) {
  const mode = codes.shift();
  if (mode === 2) {
    const [r = 0, g = 0, b = 0] = codes.splice(0, 3);
    return `rgb(${r & 255} ${g & 255} ${b & 255})`;
  }
  if (mode !== 5) return undefined;
  const n = codes.shift() ?? 0;
  if (n < 16) return `var(--ansi-${n})`;
  if (n > 231) return `rgb(${Array(3).fill((n - 232) * 10 + 8).join(" ")})`;
  const level = (/** @type {number} */ v) => (v ? v * 40 + 55 : 0);
  return `rgb(${[Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map(level).join(" ")})`;
}

/** @param {Style} style @param {string} parameters @returns {Style} */
function restyled(style, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  let next = { ...style };
  while (codes.length) {
    const code = codes.shift() ?? 0;
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code >= 30 && code <= 37) next.fg = `var(--ansi-${code - 30})`;
    else if (code >= 90 && code <= 97) next.fg = `var(--ansi-${code - 82})`;
    else if (code >= 40 && code <= 47) next.bg = `var(--ansi-${code - 40})`;
    else if (code >= 100 && code <= 107) next.bg = `var(--ansi-${code - 92})`;
    else if (code === 38) next.fg = extendedColour(codes);
    else if (code === 48) next.bg = extendedColour(codes);
    else if (code === 39) next.fg = undefined;
    else if (code === 49) next.bg = undefined;
  }
  return next;
}

/**
 * One line; what a carriage return overwrote is gone, as in a terminal.
 * @param {string} line @param {Style} start the style the line before ended with
 * @returns {{spans: Span[], end: Style}}
 */
export function parseAnsi(line, start = {}) {
  const shown = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  let style = start;
  let from = 0;
  /** @type {Span[]} */
  const spans = [];
  const add = (/** @type {string} */ raw) => {
    const text = raw.replace(CONTROL, "");
    if (text) spans.push({ text, style });
  };
  for (const match of shown.matchAll(ESCAPE)) {
    add(shown.slice(from, match.index));
    if (match[2] === "m") style = restyled(style, match[1]);
    from = match.index + match[0].length;
  }
  add(shown.slice(from));
  return { spans, end: style };
}

/** @param {Style} style @returns {Record<string, string>} for an element's `style`, set through the DOM */
export function ansiCss(style) {
  /** @type {Record<string, string>} */
  const css = {};
  if (style.fg) css.color = style.fg;
  if (style.bg) css.backgroundColor = style.bg;
  if (style.bold) css.fontWeight = "650";
  if (style.dim) css.opacity = "0.75";
  if (style.italic) css.fontStyle = "italic";
  if (style.underline) css.textDecoration = "underline";
  return css;
}
