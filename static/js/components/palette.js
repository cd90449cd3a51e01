/** The command palette: pages, actions and recent things, found by typing. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { runName, userName } from "../format.js";
import * as api from "../api.js";
import { navigate } from "../router.js";
import { can } from "../session.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";
import { Keys } from "./keys-help.js";
import { Status } from "./status.js";

/** @typedef {{group: string, label: string, icon?: string, keys?: string, status?: string, isPart?: boolean, run: () => void}} Command `isPart`: of a page, found by typing only */

const SEARCH_WAIT_MS = 120;

/**
 * Words that begin as those of the query do count most, then the query anywhere, then its letters in order and close together.
 * @param {string} text @param {string} query @returns {number} below 0: no match
 */
function score(text, query) {
  const [there, wanted] = [text, query].map((one) => ` ${one.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim()}`);
  const words = wanted.trim().split(" ").map((word) => ` ${word}`);
  if (words.every((word) => there.includes(word))) return 1000 - there.indexOf(words[0]);
  if (there.includes(wanted.trim())) return 500 - there.indexOf(wanted.trim());
  let at = 0;
  let gaps = 0;
  for (const char of wanted.trim()) {
    const next = there.indexOf(char, at + 1);
    if (next < 0) return -1;
    gaps += at ? next - at - 1 : 0;
    at = next;
  }
  return gaps <= wanted.length ? 100 - gaps : -1;
}

/** The commands that a query finds, the best first, each group in one piece; without a query those that are there at once. @param {Command[]} commands @param {string} query */
function found(commands, query) {
  if (!query) return commands.filter(({ isPart }) => !isPart);
  const ranked = commands.map((command) => ({ command, rank: score(`${command.label} ${command.group}`, query) })).filter(({ rank }) => rank >= 0).sort((a, b) => b.rank - a.rank);
  const groups = [...new Set(ranked.map(({ command }) => command.group))];
  return groups.flatMap((group) => ranked.filter(({ command }) => command.group === group).map(({ command }) => command));
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * @typedef {{group: string, action: string, list: string, most: number, icon?: string, label: (thing: any) => string, path: (thing: any) => string, isSought?: boolean}} Kind
 *   `isSought`: found by what was typed, not shown before; `most` 0: found by its id alone
 */
/** @type {Kind[]} */
const THINGS = [
  { group: "Tasks", action: "tasks.read", list: "/v1/tasks", most: 8, label: ({ name }) => name, path: ({ id }) => `/tasks/${id}` },
  { group: "Chats", action: "threads.read", list: "/v1/chat/threads", most: 4, icon: "messages", label: ({ title }) => title || "Untitled chat", path: ({ id }) => `/chat/${id}` },
  { group: "Schedules", action: "schedules.read", list: "/v1/schedules", most: 4, icon: "calendar-time", label: ({ name }) => name, path: ({ id }) => `/schedules/${id}` },
  { group: "Sessions", action: "sessions.read", list: "/v1/sessions", most: 4, icon: "player-play", label: ({ title }) => title || "Untitled session", path: ({ id }) => `/sessions/${id}` },
  { group: "Projects", action: "projects.read", list: "/v1/projects", most: 4, icon: "folders", isSought: true, label: (project) => project.display_name, path: ({ slug }) => `/projects?q=${encodeURIComponent(slug)}` },
  { group: "Users", action: "users.read", list: "/v1/users", most: 4, icon: "user", isSought: true, label: userName, path: ({ handle }) => `/access/users?q=${encodeURIComponent(handle)}` },
  { group: "Runs", action: "runs.read", list: "/v1/runs", most: 0, icon: "player-play", label: runName, path: ({ id }) => `/runs/${id}` },
  { group: "Connectors", action: "connectors.read", list: "/v1/connectors", most: 4, icon: "plug-connected", isSought: true, label: ({ name }) => name, path: ({ id }) => `/connectors/${id}` },
  { group: "Hooks", action: "hooks.read", list: "/v1/hooks", most: 0, icon: "webhook", label: ({ name }) => name, path: ({ id }) => `/messaging/hooks/${id}` },
];

/** Those of a kind that were asked for: by an id the one that has it. @param {Kind} kind @param {string} query @param {AbortSignal} signal @returns {Promise<any[]>} */
async function sought({ list, most, isSought }, query, signal) {
  if (ID.test(query)) return [await api.get(`${list}/${query}`, {}, { signal })];
  if (!most || (isSought && !query)) return [];
  return (await api.get(list, { q: query || null, limit: most }, { signal })).items;
}

/** Things of the gateway that a query finds, the newest first; until its answer is there, those of the one before that fit it. @param {string} query */
function useThings(query) {
  const [found, setFound] = useState({ query: "", things: /** @type {Command[]} */ ([]) });
  useEffect(() => {
    const stop = new AbortController();
    const look = async (/** @type {Kind} */ kind) => {
      const { group, icon, label, path } = kind;
      try {
        return (await sought(kind, query.trim(), stop.signal)).map((/** @type {any} */ thing) => ({ group, icon, label: label(thing), status: group === "Tasks" ? thing.status : undefined, run: () => navigate(path(thing)) }));
      } catch (error) {
        if (!stop.signal.aborted && !(error instanceof api.ApiError)) throw error;
        return []; // what could be found is shown all the same
      }
    };
    const timer = setTimeout(async () => {
      const all = await Promise.all(THINGS.filter(({ action }) => can(action)).map(look));
      if (!stop.signal.aborted) setFound({ query, things: all.flat() });
    }, query ? SEARCH_WAIT_MS : 0);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [query]);
  const isSearching = found.query !== query;
  return { things: isSearching ? found.things.filter(({ label }) => score(label, query) >= 0) : found.things, isSearching };
}

/** @param {{commands: Command[], onClose: () => void}} props */
export function Palette({ commands, onClose }) {
  const [query, setQuery] = useState("");
  const [index, setIndex] = useState(0);
  const list = useRef(/** @type {HTMLUListElement | null} */ (null));
  const { things, isSearching } = useThings(query);
  const shown = [...found(commands, query.trim()), ...things];
  const current = Math.min(index, shown.length - 1);
  const choose = (/** @type {Command} */ command) => {
    onClose();
    command.run();
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setIndex((current + step + shown.length) % shown.length);
    } else if (event.key === "Enter" && shown[current]) {
      event.preventDefault();
      choose(shown[current]);
    }
  };
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [current]);

  return html`<${Dialog} title="Commands" bare onClose=${onClose}>
    <div class="palette">
      <div class="palette-input"><${Icon} icon="search" />
        <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-label="Search pages, actions and things" aria-activedescendant=${shown.length ? `palette-${current}` : null} placeholder="Search pages, actions, tasks, chats, schedules…" autocomplete="off" spellcheck=${false} autofocus
          value=${query} onInput=${(/** @type {any} */ e) => (setQuery(e.target.value), setIndex(0))} onKeyDown=${onKeyDown} />
        <kbd>Esc</kbd></div>
      <ul id="palette-list" class="palette-list" role="listbox" aria-label="Results" ref=${list}>
        ${shown.map(
          (command, i) => html`
          ${(i === 0 || shown[i - 1].group !== command.group) && html`<li class="palette-group" role="presentation">${command.group}</li>`}
          <li id=${`palette-${i}`} role="option" aria-selected=${String(i === current)} class="palette-item" onMouseMove=${() => setIndex(i)} onClick=${() => choose(command)}>
            ${command.icon && html`<${Icon} icon=${command.icon} />`}<span class="palette-label">${command.label}</span>
            ${command.status && html`<${Status} status=${command.status} />`}${command.keys && html`<${Keys} keys=${command.keys} />`}
          </li>`,
        )}
      </ul>
      <p class="palette-none" role="status">${!shown.length && (isSearching ? "Searching…" : `Nothing matches “${query}”.`)}</p>
    </div>
  <//>`;
}
