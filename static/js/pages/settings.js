/** Settings: one's own sign-in, the desktop's, the gateway's, limits, retention, backups, the emergency kit, local model, sandbox, updates, what is there. */
import { html } from "../html.js";
import { SETTINGS_TABS } from "../routes.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { Account } from "./settings/account.js";
import { Backups } from "./settings/backups.js";
import { Capabilities } from "./settings/capabilities.js";
import { DesktopSettings } from "./settings/desktop.js";
import { GatewaySettings } from "./settings/gateway.js";
import { Limits } from "./settings/limits.js";
import { LocalModels } from "./settings/model.js";
import { Recovery } from "./settings/recovery.js";
import { RetentionSettings } from "./settings/retention.js";
import { SandboxSettings } from "./settings/sandbox.js";
import { Updates } from "./settings/updates.js";

/** @type {Record<string, () => any>} */
const PARTS = {
  "/settings/account": Account,
  "/settings/desktop": DesktopSettings,
  "/settings/gateway": GatewaySettings,
  "/settings/limits": Limits,
  "/settings/retention": RetentionSettings,
  "/settings/backup": Backups,
  "/settings/recovery": Recovery,
  "/settings/model": LocalModels,
  "/settings/sandbox": SandboxSettings,
  "/settings/updates": Updates,
  "/settings/capabilities": Capabilities,
};

export default function SettingsPage() {
  const path = shownTab(SETTINGS_TABS);
  return html`<div class="page-head"><h1>Settings</h1></div><${Tabs} tabs=${SETTINGS_TABS} label="Settings" /><${PARTS[path]} key=${path} />`;
}
