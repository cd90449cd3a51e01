/** Every page of the console: its address, its module, and where the navigation shows it. */

/**
 * @typedef {object} Tab a part of a page with an address of its own
 * @property {string} path
 * @property {string} label
 * @property {string} action without it the tab is not shown
 *
 * @typedef {object} Entry a line of the navigation
 * @property {string} path
 * @property {string} label
 * @property {string} icon
 * @property {string} keys
 * @property {string} [action] without it the page is not shown; a page of tabs is shown with any of its tabs
 * @property {Tab[]} [tabs]
 *
 * @typedef {{pattern: RegExp, title: string, page: string, bare?: boolean, isSteady?: boolean}} Route
 *   `page`: its module in pages/; `isSteady`: the page stays what it is where only the id in its address changes
 */

/** @type {Tab[]} */
export const RUN_TABS = [
  { path: "/sessions", label: "Sessions", action: "sessions.read" },
  { path: "/runs", label: "Runs", action: "runs.read" },
];

/** @type {Tab[]} */
export const ACCESS_TABS = [
  { path: "/access/users", label: "Users", action: "users.read" },
  { path: "/access/groups", label: "Groups", action: "groups.read" },
  { path: "/access/roles", label: "Roles", action: "roles.read" },
  { path: "/access/bindings", label: "Bindings", action: "role_bindings.read" },
  { path: "/access/rules", label: "Rules", action: "policy_rules.read" },
  { path: "/access/why", label: "Why can / can’t", action: "access.explain" },
];

/** @type {Tab[]} */
export const MESSAGING_TABS = [
  { path: "/messaging", label: "Destinations", action: "destinations.read" },
  { path: "/messaging/subscriptions", label: "Subscriptions", action: "subscriptions.read" },
  { path: "/messaging/deliveries", label: "Deliveries", action: "deliveries.read" },
  { path: "/messaging/hooks", label: "Hooks", action: "hooks.read" },
];

/** @type {Tab[]} */
export const SCHEDULE_TABS = [
  { path: "/schedules", label: "Schedules", action: "schedules.read" },
  { path: "/schedules/calendar", label: "Calendar", action: "schedules.read" },
  { path: "/schedules/queue", label: "Queue", action: "queue.read" },
];

/** @type {Tab[]} */
export const CONNECTOR_TABS = [
  { path: "/connectors", label: "Installed", action: "connectors.read" },
  { path: "/connectors/pending", label: "Held back", action: "connectors.read" },
  { path: "/connectors/catalog", label: "Catalogue", action: "connectors.read" },
];

/** @type {Tab[]} */
export const MODEL_TABS = [
  { path: "/models", label: "Models", action: "models.read" },
  { path: "/models/conformance", label: "Conformance", action: "conformance.read" },
];

/** @type {Tab[]} */
export const PREFERENCE_TABS = [
  { path: "/preferences", label: "What is set", action: "preferences.read" },
  { path: "/preferences/effective", label: "What counts", action: "preferences.read" },
];

/** @type {Tab[]} */
export const SETTINGS_TABS = [
  { path: "/settings/account", label: "Sign-in", action: "self.read" },
  { path: "/settings/desktop", label: "Desktop", action: "self.read" },
  { path: "/settings/gateway", label: "Gateway", action: "settings.read" },
  { path: "/settings/limits", label: "Limits & usage", action: "spend_limits.read" },
  { path: "/settings/retention", label: "Retention", action: "retention_policies.read" },
  { path: "/settings/backup", label: "Backup", action: "backups.read" },
  { path: "/settings/recovery", label: "Emergency kit", action: "credentials.create_recovery_kit" },
  { path: "/settings/model", label: "Local model", action: "nodes.read" },
  { path: "/settings/sandbox", label: "Sandbox", action: "nodes.read" },
  { path: "/settings/updates", label: "Updates", action: "capabilities.read" },
  { path: "/settings/capabilities", label: "What is there", action: "capabilities.read" },
];

/** @type {Entry[][]} groups of pages, the daily ones first */
export const NAVIGATION = [
  [
    { path: "/", label: "Home", icon: "home", keys: "g h", action: "tasks.read" },
    { path: "/chat", label: "Chat", icon: "messages", keys: "g c", action: "threads.read" },
    { path: "/tasks", label: "Tasks", icon: "checklist", keys: "g t", action: "tasks.read" },
    { path: "/schedules", label: "Schedules", icon: "calendar-time", keys: "g w", tabs: SCHEDULE_TABS },
    { path: "/sessions", label: "Sessions & runs", icon: "player-play", keys: "g r", tabs: RUN_TABS },
    { path: "/artifacts", label: "Artifacts", icon: "files", keys: "g a", action: "artifacts.read" },
    { path: "/connectors", label: "Connectors", icon: "plug-connected", keys: "g o", tabs: CONNECTOR_TABS },
    { path: "/messaging", label: "Messaging", icon: "send", keys: "g d", tabs: MESSAGING_TABS },
  ],
  [
    { path: "/projects", label: "Projects", icon: "folders", keys: "g j", action: "projects.read" },
    { path: "/models", label: "Models", icon: "cpu", keys: "g m", tabs: MODEL_TABS },
    { path: "/nodes", label: "Nodes", icon: "server-2", keys: "g n", action: "nodes.read" },
    { path: "/credentials", label: "Credentials", icon: "key", keys: "g k", action: "credentials.read" },
    { path: "/preferences", label: "Preferences", icon: "adjustments", keys: "g p", tabs: PREFERENCE_TABS },
  ],
  [
    { path: "/access", label: "Access", icon: "users", keys: "g u", tabs: ACCESS_TABS },
    { path: "/audit", label: "Audit", icon: "history", keys: "g l", action: "audit.read" },
    { path: "/settings", label: "Settings", icon: "settings", keys: "g s", tabs: SETTINGS_TABS },
    { path: "/api", label: "API", icon: "api", keys: "g i", action: "self.read" },
  ],
];

/** @type {Route[]} */
export const ROUTES = [
  { pattern: /^\/$/, title: "Home", page: "home" },
  { pattern: /^\/chat(?:\/([0-9a-f-]+))?$/, title: "Chat", page: "chat", isSteady: true },
  { pattern: /^\/tasks$/, title: "Tasks", page: "tasks" },
  { pattern: /^\/tasks\/new$/, title: "New task", page: "new-task" },
  { pattern: /^\/tasks\/([0-9a-f-]+)$/, title: "Task", page: "task" },
  { pattern: /^\/schedules(?:\/(calendar|queue))?$/, title: "Schedules", page: "schedules" },
  { pattern: /^\/schedules\/([0-9a-f-]{36})$/, title: "Schedule", page: "schedule" },
  { pattern: /^\/compare$/, title: "Compare runs", page: "compare" },
  { pattern: /^\/sessions$/, title: "Sessions & runs", page: "sessions" },
  { pattern: /^\/sessions\/([0-9a-f-]+)$/, title: "Session", page: "session" },
  { pattern: /^\/runs$/, title: "Sessions & runs", page: "runs" },
  { pattern: /^\/runs\/([0-9a-f-]+)$/, title: "Run", page: "run" },
  { pattern: /^\/artifacts$/, title: "Artifacts", page: "artifacts" },
  { pattern: /^\/messaging(?:\/(subscriptions|deliveries))?$/, title: "Messaging", page: "messaging" },
  { pattern: /^\/connectors(?:\/(catalog|pending|[0-9a-f-]{36}))?$/, title: "Connectors", page: "connectors" },
  { pattern: /^\/projects$/, title: "Projects", page: "projects" },
  { pattern: /^\/models(?:\/(conformance))?$/, title: "Models", page: "models" },
  { pattern: /^\/nodes$/, title: "Nodes", page: "nodes" },
  { pattern: /^\/credentials$/, title: "Credentials", page: "credentials" },
  { pattern: /^\/preferences(?:\/(effective))?$/, title: "Preferences", page: "preferences" },
  { pattern: /^\/access(?:\/(users|groups|roles|bindings|rules|why))?$/, title: "Access", page: "access" },
  { pattern: /^\/messaging\/hooks$/, title: "Hooks", page: "hooks" },
  { pattern: /^\/messaging\/hooks\/([0-9a-f-]+)$/, title: "Hook", page: "hook" },
  { pattern: /^\/audit$/, title: "Audit", page: "audit" },
  { pattern: /^\/settings(?:\/(account|desktop|gateway|limits|retention|backup|recovery|model|sandbox|updates|capabilities))?$/, title: "Settings", page: "settings" },
  { pattern: /^\/(?:api|docs)$/, title: "API", page: "api-reference" },
  { pattern: /^\/welcome$/, title: "Welcome", page: "welcome", bare: true },
  { pattern: /^\/login$/, title: "Sign in", page: "login", bare: true },
];

/** The page at a path with what its pattern captures. @param {string} path @returns {{route: Route, id: string}} */
export function routeOf(path) {
  for (const route of ROUTES) {
    const match = route.pattern.exec(path);
    if (match) return { route, id: match[1] ?? "" };
  }
  return { route: NOWHERE, id: "" };
}

/** What is shown at an address that no page has. @type {Route} */
const NOWHERE = { pattern: /(?!)/, title: "Nothing here", page: "nowhere" };

/** What each page needs besides the modules that are there from the start, as the shell says; nothing more once it was asked for. @type {Record<string, string[]>} */
const needed = JSON.parse(document.getElementById("modules")?.textContent ?? "{}");
const base = document.getElementById("app")?.dataset.base ?? "";

/** Asks for all modules of a page at once: each would else be asked for only when one that imports it has come. @param {Route} route */
export function fetchAhead({ page }) {
  document.head.append(...(needed[page] ?? []).map((module) => Object.assign(document.createElement("link"), { rel: "modulepreload", href: `${base}/${module}` })));
  delete needed[page];
}

/** The page itself. @param {Route} route @returns {Promise<any>} */
export async function load(route) {
  fetchAhead(route);
  return (await import(`./pages/${route.page}.js`)).default;
}

/** Whether a path is one of the console's pages. @param {string} path */
export const isPage = (path) => ROUTES.some((route) => route.pattern.test(path));
