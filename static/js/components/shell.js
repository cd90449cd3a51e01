/** The frame of every page: navigation, header with the state of the connection, palette, keys, messages. */
import { useEffect, useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { navigate, place } from "../router.js";
import { NAVIGATION } from "../routes.js";
import { can, session, signOut } from "../session.js";
import { connection, reconnect } from "../live.js";
import { theme, toggleTheme } from "../theme.js";
import { useShortcuts } from "../keys.js";
import { keysWanted } from "../orders.js";
import { standing, turnPause, turnStop } from "../standing.js";
import { DropHint, useDropAnywhere } from "./drop-anywhere.js";
import { chapterOf } from "../guide.js";
import { exactly, toggleTimes } from "./clock.js";
import { OpenDialog, closeDialog } from "./dialog.js";
import { Icon, IconButton } from "./icon.js";
import { KeysHelp } from "./keys-help.js";
import { Palette } from "./palette.js";
import { QuestionsBadge, useOpenQuestions } from "./questions.js";
import { Toasts, attempt, settle, toLast, undoLast } from "./toast.js";
/** @import { Command } from "./palette.js" */
/** @import { Entry } from "../routes.js" */

const base = document.getElementById("app")?.dataset.base ?? "";

/** @param {Entry} entry what the user may not see is not there */
const isShown = ({ action, tabs }) => (tabs ? tabs.some((tab) => can(tab.action)) : can(action ?? ""));
const shownPages = () => NAVIGATION.flat().filter(isShown);

/** The two switches for the whole gateway, for those who may turn them. @returns {Command[]} */
function standingCommands() {
  const now = standing.value;
  return [
    ...(now?.paused === false ? [{ group: "Actions", label: "Pause work", icon: "player-pause", run: () => void turnPause(true) }] : []),
    ...(now?.paused ? [{ group: "Actions", label: "Let work go on", icon: "player-play", run: () => void turnPause(false) }] : []),
    ...(now?.stopped === false ? [{ group: "Actions", label: "Stop model spending", icon: "ban", run: () => void turnStop(true) }] : []),
    ...(now?.stopped ? [{ group: "Actions", label: "Allow model spending", icon: "check", run: () => void turnStop(false) }] : []),
  ];
}

/** Whoever signs out sees through what still could be undone: nobody could do it afterwards. */
const leave = () => settle().then(signOut);

const timesAs = () => (exactly.value ? "Show how long ago" : "Show exact times");

/** @returns {Command[]} */
function commands() {
  const switchTo = theme.value === "dark" ? "light" : "dark";
  return [
    ...shownPages().map((page) => ({ group: "Pages", label: page.label, icon: page.icon, keys: page.keys, run: () => navigate(page.path) })),
    ...shownPages().flatMap((page) => (page.tabs ?? []).filter((tab) => can(tab.action) && tab.label !== page.label).map((tab) => ({ group: "Pages", label: `${page.label}: ${tab.label}`, icon: page.icon, isPart: true, run: () => navigate(tab.path) }))),
    ...(can("tasks.create") ? [{ group: "Actions", label: "New task", icon: "plus", keys: "n", run: () => navigate("/tasks/new") }] : []),
    ...(can("threads.write") && can("models.use") ? [{ group: "Actions", label: "New chat", icon: "messages", run: () => navigate("/chat") }] : []),
    { group: "Actions", label: "Failed tasks", icon: "alert-circle", run: () => navigate("/tasks?status=failed") },
    ...(can("audit.read") ? [{ group: "Actions", label: "Denied requests", icon: "ban", run: () => navigate("/audit?decision=deny") }] : []),
    ...standingCommands(),
    { group: "Actions", label: "Read the guide to this page", icon: "book", run: () => location.assign(chapterOf(place.value.path)) },
    { group: "Actions", label: `Switch to ${switchTo}`, icon: "contrast-2", run: toggleTheme },
    { group: "Actions", label: timesAs(), icon: "clock", keys: "t", run: toggleTimes },
    { group: "Actions", label: "Sign out", icon: "logout", run: () => void attempt(leave) },
  ];
}

/** @param {{open: boolean, onNavigate: () => void}} props */
function Navigation({ open, onNavigate }) {
  const isCurrent = (/** @type {string} */ path) => (path === "/" ? place.value.path === "/" : `${place.value.path}/`.startsWith(`${path}/`));
  return html`<nav class=${cx("nav-side", open && "is-open")} aria-label="Main" id="navigation">
    <a class="brand" href="/" onClick=${onNavigate}><img src=${`${base}/img/favicon.svg`} alt="" width="24" height="24" /><span>Gateway</span></a>
    <div class="nav-groups">
      ${NAVIGATION.map((group) => group.filter(isShown)).map(
        (group) =>
          group.length > 0 &&
          html`<ul>${group.map((page) => html`<li><a href=${page.path} aria-current=${isCurrent(page.path) ? "page" : null} onClick=${onNavigate}><${Icon} icon=${page.icon} />${page.label}</a></li>`)}</ul>`,
      )}
    </div>
    <div class="nav-user">
      <a class="nav-name" href="/settings/account" title="Your sign-in, sessions and tokens" onClick=${onNavigate}>${session.value?.user.display_name || session.value?.user.handle}</a>
      <${IconButton} icon="logout" label="Sign out" onClick=${() => attempt(leave)} />
    </div>
  </nav>`;
}

const CONNECTION = {
  live: { label: "Live", title: "Connected: what you see is up to date." },
  connecting: { label: "Connecting", title: "Connecting to the gateway." },
  waiting: { label: "Reconnecting", title: "Not connected: what you see may be out of date. Click to try now." },
};

function ConnectionState() {
  const { label, title } = CONNECTION[connection.value];
  return html`<button type="button" class=${`connection is-${connection.value}`} title=${title} onClick=${reconnect}><span class="connection-dot" aria-hidden="true"></span><span class="top-words" role="status">${label}</span></button>`;
}

/** What is held for everybody, with the way to let it go on. */
const Held = () => html`${standing.value?.paused && html`<button type="button" class="held" title="Nothing new begins. Click to let work go on." onClick=${() => turnPause(false)}><${Icon} icon="player-pause" /><span class="top-words">Paused</span></button>`}
  ${standing.value?.stopped && html`<button type="button" class="held" title="Models that cost money are not called. Click to allow it again." onClick=${() => turnStop(false)}><${Icon} icon="ban" /><span class="top-words">Spending stopped</span></button>`}`;

/** @param {{children?: any}} props */
export function Shell({ children }) {
  const [open, setOpen] = useState(/** @type {"palette" | "keys" | "menu" | null} */ (null));
  useShortcuts([
    { keys: "Ctrl+k", label: "Search pages, actions and things", whileTyping: true, run: () => setOpen((now) => (now === "palette" ? null : "palette")) },
    { keys: "?", label: "Show these keys", run: () => setOpen("keys") },
    { keys: "n", label: "New task", run: () => can("tasks.create") && navigate("/tasks/new") },
    { keys: "Ctrl+z", label: "Undo what was just done", whileEmpty: true, run: undoLast },
    { keys: "m", label: "To the message in the corner", run: toLast },
    { keys: "t", label: timesAs(), run: toggleTimes },
    { keys: "Ctrl+,", label: "Settings", whileTyping: true, run: () => navigate("/settings") },
    ...shownPages().map((page) => ({ keys: page.keys, label: `Go to ${page.label}`, run: () => navigate(page.path) })),
  ]);
  const close = () => setOpen(null);
  useOpenQuestions();
  useDropAnywhere();
  useEffect(() => void (keysWanted.value && setOpen("keys")), [keysWanted.value]);
  // What a page asked is of no use on the next.
  useEffect(() => void closeDialog(), [place.value.path]);

  return html`<div class="frame" onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Escape" && open === "menu" && close()}>
    <${Navigation} open=${open === "menu"} onNavigate=${close} />
    ${open === "menu" && html`<div class="nav-shade" onClick=${close}></div>`}
    <header class="top">
      <button type="button" class="icon-button menu-button" aria-label="Menu" aria-expanded=${String(open === "menu")} aria-controls="navigation" onClick=${() => setOpen(open === "menu" ? null : "menu")}><${Icon} icon="menu-2" /></button>
      <button type="button" class="search-button" onClick=${() => setOpen("palette")}><${Icon} icon="search" /><span>Search or jump to…</span><kbd>Ctrl K</kbd></button>
      <span class="top-space"></span>
      <${Held} />
      <${QuestionsBadge} />
      <${ConnectionState} />
      <a class="icon-button wide-only" href=${chapterOf(place.value.path)} aria-label="Guide to this page" title="Guide to this page"><${Icon} icon="book" /></a>
      <${IconButton} icon="keyboard" label="Keys" class="wide-only" onClick=${() => setOpen("keys")} />
      ${theme.value === "dark" ? html`<${IconButton} icon="sun" label="Switch to light" onClick=${toggleTheme} />` : html`<${IconButton} icon="moon" label="Switch to dark" onClick=${toggleTheme} />`}
    </header>
    <main id="main" tabindex="-1">${children}</main>
    ${open === "palette" && html`<${Palette} commands=${commands()} onClose=${close} />`}
    ${open === "keys" && html`<${KeysHelp} onClose=${close} />`}
    <${DropHint} />
    <${OpenDialog} />
    <${Toasts} />
  </div>`;
}
