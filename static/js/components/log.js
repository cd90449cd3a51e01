/** A run's log: it opens at its end, is followed live, and is complete after a reload or a lost connection. */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { memo } from "../memo.js";
import { html, cx } from "../html.js";
import * as api from "../api.js";
import { listen } from "../live.js";
import { clockTime, exactTime, grouped, plural } from "../format.js";
import { saveFile } from "../save-file.js";
import { ansiCss } from "./ansi.js";
import { copy } from "./copy.js";
import { Icon, IconButton } from "./icon.js";
import { Lines } from "./log-lines.js";
import { toastError } from "./toast.js";
/** @import { LogEntry } from "../types.js" */
/** @import { Line } from "./log-lines.js" */

const PAGE = 200;
const BLOCK = 200;
const MOST_FOUND = 2000;
const SETTLE_MS = 100;

/** @typedef {"end" | "whole" | "part"} Way how a log is read: from its end, from its beginning, or a part of it */

const address = (/** @type {string} */ runId) => `/v1/runs/${runId}/logs`;

/** @param {string} runId @param {Record<string, any>} query a page that holds something, if any does @returns {Promise<LogEntry[]>} */
async function found(runId, query) {
  let cursor = "";
  for (;;) {
    const page = await api.get(address(runId), { ...query, cursor });
    if (page.items.length || !page.next_cursor) return page.items;
    cursor = page.next_cursor;
  }
}

/**
 * The log of one run, kept up to date. It opens at its end at once, however long it is.
 * @param {string | null | undefined} runId none: nothing has run yet
 * @param {{whole?: boolean}} [options] whole: from the beginning on, for what is read as one text
 */
export function useLog(runId, { whole = false } = {}) {
  const [revision, redraw] = useState(0);
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const fresh = (/** @type {Way} */ way) => ({ runId, way, lines: new Lines(), loaded: !runId, reading: false, again: false });
  const log = useRef(fresh(whole ? "whole" : "end"));
  if (log.current.runId !== runId) log.current = fresh(whole ? "whole" : "end");

  const attempt = useCallback(async (/** @type {() => Promise<void>} */ act) => {
    const state = log.current;
    try {
      await act();
      setError(null);
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      setError(problem);
    } finally {
      state.reading = false;
      redraw((n) => n + 1);
    }
  }, []);

  const read = useCallback(async () => {
    const state = log.current;
    if (!runId || state.way === "part") return;
    if (state.reading) {
      state.again = true;
      return;
    }
    state.reading = true;
    await attempt(async () => {
      let more = true;
      while (more && log.current === state) {
        state.again = false;
        const first = state.way === "end" && !state.lines.newest;
        const query = first ? { tail: true } : { after_seq: state.lines.newest };
        const page = await api.get(address(runId), { ...query, limit: PAGE });
        if (state.lines.add(page.items)) redraw((n) => n + 1);
        more = Boolean(page.next_cursor) || state.again;
      }
      state.loaded = true;
    });
  }, [runId]);

  const earlier = useCallback(async () => {
    const state = log.current;
    if (!runId || state.lines.oldest <= 1) return;
    await attempt(async () => {
      const page = await api.get(address(runId), { before_seq: state.lines.oldest, limit: PAGE });
      state.lines.prepend(page.items);
    });
  }, [runId]);

  const jump = useCallback(async (/** @type {string} */ time) => {
    if (!runId) return;
    await attempt(async () => {
      const [first] = await found(runId, { written_after: time, limit: 1 });
      const state = fresh("part");
      if (first) {
        const page = await api.get(address(runId), { after_seq: first.seq - 1, limit: PAGE });
        state.lines.add(page.items);
      }
      state.loaded = true;
      log.current = state;
    });
  }, [runId]);

  const later = useCallback(async () => {
    const state = log.current;
    if (!runId) return;
    await attempt(async () => {
      const page = await api.get(address(runId), { after_seq: state.lines.newest, limit: PAGE });
      state.lines.add(page.items);
      if (!page.next_cursor) state.way = "end";
    });
  }, [runId]);

  const toEnd = useCallback(() => {
    log.current = fresh("end");
    read();
  }, [read]);

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

  const { lines, loaded, way } = log.current;
  return { runId, revision, way, lines: lines.all, total: lines.total, oldest: lines.oldest, answer: lines.answer, loaded, error, reload: read, earlier, later, jump, toEnd };
}

/** Searches all of a log, also what is not here. @param {string} runId @param {string} needle in lower case @returns {Promise<{lines: Line[], more: boolean}>} */
async function searched(runId, needle) {
  const lines = new Lines();
  let cursor = "";
  do {
    const page = await api.get(address(runId), { q: needle, cursor, limit: PAGE });
    for (const entry of page.items) {
      const kept = entry.message.split("\n").filter((/** @type {string} */ line) => line.toLowerCase().includes(needle));
      lines.add([{ ...entry, message: kept.map((/** @type {string} */ line) => `${line}\n`).join("") }]);
    }
    cursor = page.next_cursor;
  } while (cursor && lines.total < MOST_FOUND);
  return { lines: lines.all, more: Boolean(cursor) };
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
  <span class="log-time" title=${exactTime(line.time)}>${clockTime(line.time)}</span>
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
    result.push({ lines: part, version: `${part[0].id}:${part.length}:${part.reduce((sum, line) => sum + line.raw.length, 0)}` });
    from = until;
  }
  return result;
}

/** Reads the whole log once more, since the view may hold only its end. @param {ReturnType<typeof useLog>} log @param {string} name */
async function download(log, name) {
  const parts = [];
  let cursor = "";
  do {
    const page = await api.get(address(log.runId ?? ""), { cursor, limit: PAGE });
    parts.push(...page.items.map((/** @type {LogEntry} */ entry) => entry.message));
    cursor = page.next_cursor;
  } while (cursor);
  saveFile(`${name}.log`, parts, "text/plain");
}

/** @param {{log: ReturnType<typeof useLog>, name: string, running: boolean, children?: any}} props children: more for its bar */
export function LogViewer({ log, name, running, children }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(true);
  const [times, setTimes] = useState(false);
  const [search, setSearch] = useState("");
  const [jumping, setJumping] = useState(false);
  const [hits, setHits] = useState(/** @type {{needle: string, lines: Line[], more: boolean} | null} */ (null));
  const needle = search.trim().toLowerCase();
  const all = hits?.needle === needle ? hits : null;
  const here = useMemo(() => (needle ? log.lines.filter((line) => line.text.toLowerCase().includes(needle)) : log.lines), [log.lines, log.revision, needle]);
  const shown = all ? all.lines : here;
  const isPart = log.oldest > 1 || log.way === "part" || log.lines.length < log.total;
  const searchAll = () => searched(log.runId ?? "", needle).then((found) => setHits({ needle, ...found })).catch(toastError);
  const jump = (/** @type {any} */ event) => {
    event.preventDefault();
    const time = new Date(event.target.elements.time.value);
    if (!Number.isNaN(time.getTime())) log.jump(time.toISOString()).then(() => setFollow(false));
  };

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !follow || needle || log.way === "part") return;
    const toEnd = () => (element.scrollTop = element.scrollHeight);
    toEnd();
    // A block has its real height only once it is laid out.
    const watcher = new ResizeObserver(toEnd);
    for (const block of element.children) watcher.observe(block);
    return () => watcher.disconnect();
  });
  const onScroll = () => {
    const element = box.current;
    if (element) setFollow(element.scrollHeight - element.scrollTop - element.clientHeight < 24);
  };

  return html`<div class="log">
    <div class="log-bar">
      ${children}
      <span class="log-count quiet tabular">${needle ? `${grouped(shown.length)} of ${plural(log.lines.length, "line")}` : `${log.oldest > 1 && log.way === "end" ? "last " : ""}${plural(log.total, "line")}`}</span>
      <label class="log-search"><${Icon} icon="search" /><span class="visually-hidden">Search the log</span>
        <input type="search" placeholder="Search" value=${search} onInput=${(/** @type {any} */ e) => setSearch(e.target.value)} /></label>
      <${IconButton} icon="calendar-time" label="Jump to a time" pressed=${jumping} onClick=${() => setJumping(!jumping)} />
      <${IconButton} icon="clock" label="Times" pressed=${times} onClick=${() => setTimes(!times)} />
      <${IconButton} icon="text-wrap" label="Wrap lines" pressed=${wrap} onClick=${() => setWrap(!wrap)} />
      <${IconButton} icon="arrow-bar-to-down" label="Follow the end" pressed=${follow} onClick=${() => setFollow(!follow)} />
      <${IconButton} icon="copy" label="Copy the log" onClick=${() => copy(shown.map((line) => line.text).join("\n"), "Log")} />
      <${IconButton} icon="download" label="Download the log" onClick=${() => download(log, name).catch(toastError)} />
    </div>
    ${jumping && html`<form class="log-jump" onSubmit=${jump}><label>From <input class="form-control form-control-sm" type="datetime-local" step="1" name="time" required /></label><button class="btn btn-sm">Jump</button></form>`}
    ${needle && isPart && html`<p class="log-note">${all ? html`All of the log was searched${all.more ? ", and these are the first lines found" : ""}.` : html`Only what is shown was searched. <button type="button" class="link" onClick=${searchAll}>Search all of the log</button>`}</p>`}
    ${!needle && log.oldest > 1 && html`<p class="log-note"><button type="button" class="link" onClick=${log.earlier}>Show earlier lines</button></p>`}
    ${log.error && html`<p class="stale" role="status">The log could not be read to its end: ${log.error.message} <button type="button" class="link" onClick=${log.reload}>Try again</button></p>`}
    ${log.lines.length < log.total && html`<p class="stale">Only the last ${grouped(log.lines.length)} lines are shown; the download has them all.</p>`}
    <div ref=${box} class=${cx("log-box", wrap && "is-wrapped", times && "has-times", isPart && "is-part")} tabindex="0" role="log" aria-live="off" aria-label="Log" onScroll=${onScroll}>
      ${blocks(shown).map((block) => html`<${Block} key=${block.lines[0].number} lines=${block.lines} version=${block.version} needle=${needle} />`)}
      ${!shown.length && html`<p class="log-empty">${needle ? "No line has this text." : log.loaded ? (running ? "Nothing written yet." : "Nothing was written.") : "Loading…"}</p>`}
    </div>
    ${log.way === "part" && html`<p class="log-note">A part of the log. <button type="button" class="link" onClick=${log.later}>Show later lines</button> <button type="button" class="link" onClick=${log.toEnd}>Go to the end</button></p>`}
  </div>`;
}
