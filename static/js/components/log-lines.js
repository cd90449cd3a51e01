/** The lines of a log, made out of the pieces in which it was written. */
import { parseAnsi } from "./ansi.js";
/** @import { LogEntry } from "../types.js" */
/** @import { Span, Style } from "./ansi.js" */

const MOST_LINES = 20_000;
const LONGEST_LINE = 100_000;
let made = 0;
const GOES_ON = ["stdout", "stderr", "answer"];

/** @typedef {{id: number, number: number, stream: string, time: string, raw: string, start: Style, text: string, spans: Span[]}} Line */

/** Makes lines out of the pieces of a run's log, which end anywhere. */
export class Lines {
  constructor() {
    /** @type {Line[]} */
    this.all = [];
    this.total = 0;
    this.newest = 0;
    /** @type {number} of the first entry that is here */
    this.oldest = 0;
    this.answer = "";
    /** @type {Map<string, Line>} by job and stream, the line that goes on */
    this.open = new Map();
    /** @type {Map<string, Style>} by job and stream, the style that the next line begins with */
    this.styles = new Map();
  }

  /** @param {LogEntry[]} entries oldest first @returns {boolean} whether any was new */
  add(entries) {
    const fresh = entries.filter((entry) => entry.seq > this.newest);
    if (!this.oldest && fresh.length) this.oldest = fresh[0].seq;
    for (const entry of fresh) {
      this.newest = entry.seq;
      if (entry.stream === "answer") this.answer += entry.message;
      this.addPiece(entry);
    }
    if (this.all.length > MOST_LINES * 1.1) this.all = this.all.slice(-MOST_LINES);
    return fresh.length > 0;
  }

  /** Puts what was written before in front; the numbers then count from there. @param {LogEntry[]} entries oldest first */
  prepend(entries) {
    if (!entries.length) return;
    const before = new Lines();
    before.add(entries);
    for (const line of this.all) line.number += before.total;
    this.all = [...before.all, ...this.all];
    this.total += before.total;
    this.oldest = before.oldest;
  }

  /** @param {LogEntry} entry */
  addPiece(entry) {
    const key = `${entry.job_id}:${entry.stream}`;
    const pieces = entry.message.split("\n");
    const unfinished = pieces.pop() ?? "";
    for (const piece of pieces) {
      this.write(entry, key, piece);
      this.open.delete(key);
    }
    if (unfinished) this.write(entry, key, unfinished);
    // What is written as entries, not as a stream of letters, is whole; and no line grows for ever.
    if (!GOES_ON.includes(entry.stream) || (this.open.get(key)?.raw.length ?? 0) > LONGEST_LINE) this.open.delete(key);
  }

  /** @param {LogEntry} entry @param {string} key @param {string} piece */
  write(entry, key, piece) {
    let line = this.open.get(key);
    if (!line) {
      line = { id: ++made, number: ++this.total, stream: entry.stream, time: entry.time, raw: "", start: this.styles.get(key) ?? {}, text: "", spans: [] };
      this.open.set(key, line);
      this.all.push(line);
    }
    // A progress bar drawn with carriage returns keeps only its last state.
    line.raw = (line.raw + piece).replace(/^[^]*\r(?!\r*$)/, "");
    const { spans, end } = parseAnsi(line.raw, line.start);
    this.styles.set(key, end);
    line.spans = spans;
    line.text = spans.map((span) => span.text).join("");
  }
}
