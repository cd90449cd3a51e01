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
 * @typedef {{pattern: RegExp, title: string, load: () => Promise<{default: any}>, bare?: boolean}} Route
 */

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
export const PREFERENCE_TABS = [
  { path: "/preferences", label: "What is set", action: "preferences.read" },
  { path: "/preferences/effective", label: "What counts", action: "preferences.read" },
];

/** @type {Tab[]} */
export const SETTINGS_TABS = [
  { path: "/settings/account", label: "Sign-in", action: "self.read" },
  { path: "/settings/gateway", label: "Gateway", action: "settings.read" },
  { path: "/settings/limits", label: "Limits & usage", action: "spend_limits.read" },
  { path: "/settings/recovery", label: "Emergency kit", action: "credentials.create_recovery_kit" },
];

/** @type {Entry[][]} groups of pages, the daily ones first */
export const NAVIGATION = [
  [
    { path: "/", label: "Home", icon: "home", keys: "g h", action: "tasks.read" },
    { path: "/tasks", label: "Tasks", icon: "checklist", keys: "g t", action: "tasks.read" },
    { path: "/artifacts", label: "Artifacts", icon: "files", keys: "g a", action: "artifacts.read" },
  ],
  [
    { path: "/projects", label: "Projects", icon: "folders", keys: "g j", action: "projects.read" },
    { path: "/models", label: "Models", icon: "cpu", keys: "g m", action: "models.read" },
    { path: "/credentials", label: "Credentials", icon: "key", keys: "g c", action: "credentials.read" },
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
  { pattern: /^\/$/, title: "Home", load: () => import("./pages/home.js") },
  { pattern: /^\/tasks$/, title: "Tasks", load: () => import("./pages/tasks.js") },
  { pattern: /^\/tasks\/new$/, title: "New task", load: () => import("./pages/new-task.js") },
  { pattern: /^\/tasks\/([0-9a-f-]+)$/, title: "Task", load: () => import("./pages/task.js") },
  { pattern: /^\/artifacts$/, title: "Artifacts", load: () => import("./pages/artifacts.js") },
  { pattern: /^\/projects$/, title: "Projects", load: () => import("./pages/projects.js") },
  { pattern: /^\/models$/, title: "Models", load: () => import("./pages/models.js") },
  { pattern: /^\/credentials$/, title: "Credentials", load: () => import("./pages/credentials.js") },
  { pattern: /^\/preferences(?:\/(effective))?$/, title: "Preferences", load: () => import("./pages/preferences.js") },
  { pattern: /^\/access(?:\/(users|groups|roles|bindings|rules|why))?$/, title: "Access", load: () => import("./pages/access.js") },
  { pattern: /^\/audit$/, title: "Audit", load: () => import("./pages/audit.js") },
  { pattern: /^\/settings(?:\/(account|gateway|limits|recovery))?$/, title: "Settings", load: () => import("./pages/settings.js") },
  { pattern: /^\/(?:api|docs)$/, title: "API", load: () => import("./pages/api-reference.js") },
  { pattern: /^\/welcome$/, title: "Welcome", load: () => import("./pages/welcome.js"), bare: true },
  { pattern: /^\/login$/, title: "Sign in", load: () => import("./pages/login.js"), bare: true },
];

/** The page at a path with what its pattern captures; Home for an address that is none. @param {string} path @returns {{route: Route, id: string}} */
export function routeOf(path) {
  for (const route of ROUTES) {
    const match = route.pattern.exec(path);
    if (match) return { route, id: match[1] ?? "" };
  }
  return { route: ROUTES[0], id: "" };
}

/** Whether a path is one of the console's pages. @param {string} path */
export const isPage = (path) => ROUTES.some((route) => route.pattern.test(path));
