/** Which chapter of the guide is about a page of the console. Chapters are named like pages but for these. */

const HOME = "/docs/guide/";

/** @type {Record<string, string>} the first part of a page's address, or the first two, to the chapter */
const CHAPTERS = {
  "": "console",
  api: "api",
  access: "access",
  artifacts: "tasks",
  audit: "audit",
  chat: "chat",
  compare: "tasks",
  connectors: "connectors",
  credentials: "credentials",
  docs: "api",
  messaging: "messaging",
  "messaging/hooks": "hooks",
  models: "models",
  "models/conformance": "conformance",
  nodes: "nodes",
  preferences: "preferences",
  projects: "projects",
  runs: "sessions",
  schedules: "schedules",
  sessions: "sessions",
  settings: "settings",
  "settings/account": "sign-in",
  "settings/desktop": "desktop",
  "settings/limits": "limits",
  "settings/retention": "retention",
  "settings/backup": "operations",
  "settings/recovery": "credentials",
  "settings/model": "models",
  "settings/sandbox": "sandbox",
  "settings/updates": "operations",
  "settings/capabilities": "capabilities",
  tasks: "tasks",
};

/** @param {string} path of a page of the console @returns {string} where the guide tells of it */
export function chapterOf(path) {
  const [first = "", second = ""] = path.slice(1).split("/");
  const chapter = CHAPTERS[`${first}/${second}`] ?? CHAPTERS[first];
  return chapter ? `${HOME}${chapter}.html` : HOME;
}
