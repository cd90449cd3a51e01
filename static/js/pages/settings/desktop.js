/** The switches of the native window; in a browser, the one that there is. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import { ask, isDesktop, whenOrdered } from "../../desktop.js";
import { areOn, turnNotifications } from "../../notifications.js";
import { useResource } from "../../resource.js";
import { Input } from "../../components/input.js";
import { Section } from "../../components/section.js";
import { Empty, Loaded } from "../../components/states.js";
import { attempt } from "../../components/toast.js";
/** @import { Switches } from "../../desktop.js" */

/** @typedef {{name: string, label: string, hint: string}} Switch */

/** @type {{title: string, about: string, switches: Switch[]}[]} */
const GROUPS = [
  {
    title: "Window",
    about: "How it looks and comes back.",
    switches: [
      { name: "remember_place", label: "Remember size and place", hint: "The window opens where it was closed, maximised if it was." },
      { name: "menu_bar", label: "Menu bar", hint: "Pages, zoom and the ways to quit above the page." },
    ],
  },
  {
    title: "Tray and notifications",
    about: "What you see of it while you do something else.",
    switches: [
      { name: "tray", label: "Icon in the tray", hint: "What runs and waits, pause, and the stop of model spending." },
      { name: "close_to_tray", label: "Close to the tray", hint: "The window’s cross only hides it. Needs the icon in the tray." },
      { name: "notifications", label: "Notifications", hint: "When a task ends or an agent asks while you are elsewhere. A click opens it. They come from the icon in the tray." },
    ],
  },
  {
    title: "Start and end",
    about: "When the gateway runs.",
    switches: [
      { name: "start_at_login", label: "Start at login", hint: "In the tray where the icon is on, else minimised." },
      { name: "keep_running", label: "Go on without the window", hint: "The gateway this window started goes on when it is closed; opening it again joins it." },
      { name: "open_links", label: "Open uag:// links", hint: "A link such as uag://task/… in a mail or a note opens the thing here." },
    ],
  },
];

/** @param {{of: Switch, state: Switches, onTurn: (which: Switch, on: boolean) => void}} props */
function One({ of, state, onTurn }) {
  const reason = state.impossible[of.name];
  const field = { name: of.name, label: of.label, kind: /** @type {const} */ ("switch"), hint: reason ? html`${of.hint} <b>Not here: ${reason}</b>` : of.hint, disabled: Boolean(reason) };
  return html`<${Input} id=${`switch-${of.name}`} field=${field} value=${state.switches[of.name] ?? false} onChange=${(/** @type {boolean} */ on) => onTurn(of, on)} />`;
}

/** @param {{found: Switches}} props */
function Groups({ found }) {
  const [state, setState] = useState(found);
  // What is possible changes with the desktop: a tray may come late.
  useEffect(() => whenOrdered((order) => void (order.do === "switches" && ask("switches").then((now) => now && setState(now)))), []);
  const put = async (/** @type {string} */ name, /** @type {boolean} */ on) => {
    setState((now) => ({ ...now, switches: { ...now.switches, [name]: on } }));
    const answer = /** @type {Switches | null} */ (await ask("turn", { name, on }));
    setState((now) => answer ?? { ...now, switches: { ...now.switches, [name]: !on } });
    if (!answer || answer.failed) throw new Error(answer?.failed ?? "The window did not answer; open it again.");
  };
  const turn = (/** @type {Switch} */ { name, label }, /** @type {boolean} */ on) => attempt(() => put(name, on), `${label}: ${on ? "on" : "off"}`, () => put(name, !on));
  return GROUPS.map(({ title, about, switches }) => html`<${Section} key=${title} title=${title} about=${about}>
    <div class="card form-card"><div class="form">${switches.map((of) => html`<${One} key=${of.name} of=${of} state=${state} onTurn=${turn} />`)}</div></div>
  <//>`);
}

function InWindow() {
  const found = useResource("switches", () => ask("switches"));
  return html`<${Loaded} of=${found} what="the switches" rows=${8}>${(/** @type {Switches} */ it) => html`<${Groups} found=${it} />`}<//>`;
}

function InBrowser() {
  const [on, setOn] = useState(areOn());
  const put = async (/** @type {boolean} */ wanted) => {
    const refused = await turnNotifications(wanted);
    setOn(areOn());
    if (refused) throw new Error(refused);
  };
  const turn = (/** @type {boolean} */ wanted) => attempt(() => put(wanted), `Notifications: ${wanted ? "on" : "off"}`, () => put(!wanted));
  return html`<${Section} title="Notifications" about="Of this browser alone.">
      <div class="card form-card"><div class="form"><${Input} id="switch-notifications" field=${{ name: "notifications", label: "Notifications", kind: "switch", hint: "When a task ends or an agent asks while you are elsewhere and this page is open. A click opens it." }} value=${on} onChange=${turn} /></div></div>
    <//>
    <${Section} title="The window" about="What only a window of its own can do.">
      <div class="card list-card"><${Empty} title="This is a browser">Tray, menu bar, start at login and links are switched here when the console is open in its window: <code>python app.py</code> opens it.<//></div>
    <//>`;
}

export const DesktopSettings = () => html`<div class="sections">${isDesktop ? html`<${InWindow} />` : html`<${InBrowser} />`}</div>`;
