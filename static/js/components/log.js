/** A task's log: read in pages, followed live, complete after a reload or a lost connection. */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { memo } from "../memo.js";
import { html, cx } from "../html.js";
import * as api from "../api.js";
import { listen } from "../live.js";
import { exactTime, plural } from "../format.js";
import { ansiCss, parseAnsi } from "./ansi.js";
import { copy } from "./copy.js";
import { Icon, IconButton } from "./icon.js";
import { toastError } from "./toast.js";
/** @import { LogEntry } from "../types.js" */
/** @import { Span, Style } from "./ansi.js" */

const PAGE = 200;
const BLOCK = 200;
const MOST_LINES = 20_000;
const LONGEST_LINE = 100_000;
const SETTLE_MS = 100;

/** @typedef {{number: number, stream: string, time: string, raw: string, start: Style, text: string, spans: Span[]}} Line */

/** Makes lines out of the pieces of a run's log, which end anywhere. */
class Lines {
  constructor() {
    /** @type {Line[]} */
    this.all = [];
    this.total = 0;
    this.newest = 0;
    this.answer = "";
    /** @type {Map<string, Line>} by job and stream, the line that goes on */
    this.open = new Map();
    /** @type {Map<string, Style>} by job and stream, the style that the next line begins with */
    this.styles = new Map();
  }

  /** @param {LogEntry[]} entries oldest first @returns {boolean} whether any was new */
  add(entries) {
    const fresh = entries.filter((entry) => entry.seq > this.newest);
    for (const entry of fresh) {
      this.newest = entry.seq;
      if (entry.stream === "answer") this.answer += entry.message;
      this.addPiece(entry);
    }
    if (this.all.length > MOST_LINES * 1.1) this.all = this.all.slice(-MOST_LINES);
    return fresh.length > 0;
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
    // What the system says is whole, and no line grows for ever.
    if (entry.stream === "system" || (this.open.get(key)?.raw.length ?? 0) > LONGEST_LINE) this.open.delete(key);
  }

  /** @param {LogEntry} entry @param {string} key @param {string} piece */
  write(entry, key, piece) {
    let line = this.open.get(key);
    if (!line) {
      line = { number: ++this.total, stream: entry.stream, time: entry.time, raw: "", start: this.styles.get(key) ?? {}, text: "", spans: [] };
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

/**
 * The log of one run of a task, kept up to date.
 * @param {string} taskId
 * @param {string | null | undefined} runId none: nothing has run yet
 */
export function useLog(taskId, runId) {
  const [revision, redraw] = useState(0);
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const fresh = () => ({ runId, lines: new Lines(), cursor: "", loaded: !runId, reading: false, again: false });
  const log = useRef(fresh());
  if (log.current.runId !== runId) log.current = fresh();

  const read = useCallback(async () => {
    const state = log.current;
    if (!runId) return;
    if (state.reading) {
      state.again = true;
      return;
    }
    state.reading = true;
    try {
      let more = true;
      while (more && log.current === state) {
        state.again = false;
        const page = await api.get(`/v1/tasks/${taskId}/logs`, { run_id: runId, cursor: state.cursor, limit: PAGE });
        const changed = state.lines.add(page.items);
        // The last page is read again next time: it has no next cursor yet, and may have grown.
        if (page.next_cursor) state.cursor = page.next_cursor;
        more = Boolean(page.next_cursor) || state.again;
        if (changed) redraw((n) => n + 1);
      }
      state.loaded = true;
      setError(null);
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      setError(problem);
    } finally {
      state.reading = false;
      redraw((n) => n + 1);
    }
  }, [taskId, runId]);

  useEffect(() => {
    /** @type {number | undefined} */
    let timer;
    read();
    const stop = listen((event) => {
      if (event && event.run_id !== runId) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        read();
      }, SETTLE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [read]);

  const { lines, loaded } = log.current;
  return { taskId, runId, revision, lines: lines.all, total: lines.total, answer: lines.answer, loaded, error, reload: read };
}

/** @param {string} text @param {string} needle in lower case */
function marked(text, needle) {
  const at = needle ? text.toLowerCase().indexOf(needle) : -1;
  if (at < 0) return text;
  return html`${text.slice(0, at)}<mark>${text.slice(at, at + needle.length)}</mark>${text.slice(at + needle.length)}`;
}

/** @param {{line: Line, needle: string}} props */
const LogLine = ({ line, needle }) => html`<div class=${`log-line is-${line.stream}`}>
  <span class="log-number" aria-hidden="true">${line.number}</span>
  <span class="log-time" title=${exactTime(line.time)}>${line.time.slice(11, 19)}</span>
  <span class="log-text">${line.stream === "stderr" && html`<span class="visually-hidden">stderr: </span>`}${line.spans.map((span) => html`<span style=${ansiCss(span.style)}>${marked(span.text, needle)}</span>`)}${"\n"}</span>
</div>`;

/** A stretch of lines, drawn again only when it changed and laid out only when near the view. */
const Block = memo(
  /** @param {{lines: Line[], needle: string, version: string}} props */
  ({ lines, needle }) => html`<div class="log-block" style=${{ containIntrinsicSize: `auto ${lines.length * 19}px` }}>${lines.map((line) => html`<${LogLine} key=${line.number} line=${line} needle=${needle} />`)}</div>`,
  (before, after) => before.version === after.version && before.needle === after.needle,
);

/** @param {Line[]} lines @returns {{lines: Line[], version: string}[]} */
function blocks(lines) {
  const result = [];
  for (let from = 0; from < lines.length; ) {
    // Blocks begin at fixed line numbers, so that dropping old lines leaves the others as they are.
    const until = from + BLOCK - ((lines[from].number - 1) % BLOCK);
    const part = lines.slice(from, until);
    result.push({ lines: part, version: `${part.length}:${part.reduce((sum, line) => sum + line.raw.length, 0)}` });
    from = until;
  }
  return result;
}

/** Reads the whole log once more, since the view may hold only its end. @param {ReturnType<typeof useLog>} log @param {string} name */
async function download(log, name) {
  const parts = [];
  let cursor = "";
  do {
    const page = await api.get(`/v1/tasks/${log.taskId}/logs`, { run_id: log.runId, cursor, limit: PAGE });
    parts.push(...page.items.map((/** @type {LogEntry} */ entry) => entry.message));
    cursor = page.next_cursor;
  } while (cursor);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/plain" }));
  link.download = `${name}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {{log: ReturnType<typeof useLog>, name: string, running: boolean, children?: any}} props children: more for its bar */
export function LogViewer({ log, name, running, children }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(true);
  const [times, setTimes] = useState(false);
  const [search, setSearch] = useState("");
  const needle = search.trim().toLowerCase();
  const shown = useMemo(() => (needle ? log.lines.filter((line) => line.text.toLowerCase().includes(needle)) : log.lines), [log.lines, log.revision, needle]);

  useLayoutEffect(() => {
    const element = box.current;
    if (element && follow && !needle) element.scrollTop = element.scrollHeight;
  });
  const onScroll = () => {
    const element = box.current;
    if (element) setFollow(element.scrollHeight - element.scrollTop - element.clientHeight < 24);
  };

  return html`<div class="log">
    <div class="log-bar">
      ${children}
      <span class="log-count quiet tabular">${needle ? `${shown.length.toLocaleString()} of ${plural(log.lines.length, "line")}` : plural(log.total, "line")}</span>
      <label class="log-search"><${Icon} icon="search" /><span class="visually-hidden">Search the log</span>
        <input type="search" placeholder="Search" value=${search} onInput=${(/** @type {any} */ e) => setSearch(e.target.value)} /></label>
      <${IconButton} icon="clock" label="Times" pressed=${times} onClick=${() => setTimes(!times)} />
      <${IconButton} icon="text-wrap" label="Wrap lines" pressed=${wrap} onClick=${() => setWrap(!wrap)} />
      <${IconButton} icon="arrow-bar-to-down" label="Follow the end" pressed=${follow} onClick=${() => setFollow(!follow)} />
      <${IconButton} icon="copy" label="Copy the log" onClick=${() => copy(shown.map((line) => line.text).join("\n"), "Log")} />
      <${IconButton} icon="download" label="Download the log" onClick=${() => download(log, name).catch(toastError)} />
    </div>
    ${log.error && html`<p class="stale" role="status">The log could not be read to its end: ${log.error.message} <button type="button" class="link" onClick=${log.reload}>Try again</button></p>`}
    ${log.lines.length < log.total && html`<p class="stale">Only the last ${log.lines.length.toLocaleString()} lines are shown; the download has them all.</p>`}
    <div ref=${box} class=${cx("log-box", wrap && "is-wrapped", times && "has-times")} tabindex="0" role="log" aria-live="off" aria-label="Log" onScroll=${onScroll}>
      ${blocks(shown).map((block) => html`<${Block} key=${block.lines[0].number} lines=${block.lines} version=${block.version} needle=${needle} />`)}
      ${!shown.length && html`<p class="log-empty">${needle ? "No line has this text." : log.loaded ? (running ? "Nothing written yet." : "Nothing was written.") : "Loading…"}</p>`}
    </div>
  </div>`;
}
