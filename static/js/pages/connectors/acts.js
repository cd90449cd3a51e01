/** What is done with a connector from more than one place, and how its state is shown. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { destroy, order } from "../../components/changes.js";
import { confirmFirst } from "../../components/dialog.js";
import { Flag } from "../../components/flag.js";
import { attempt, toast } from "../../components/toast.js";
/** @import { Connector, ConnectorOperation, ConnectorType } from "../../types.js" */

/** @param {{connector: Connector, type: ConnectorType | undefined}} props `type`: none while it is not known */
export function State({ connector, type }) {
  if (!connector.enabled) return html`<${Flag} on=${false} yes="" no="disabled" />`;
  if (connector.state === "stopped") return html`<${Flag} on=${false} yes="" no="stopped" bad />`;
  if (type?.needs_secret && !connector.has_credential) return html`<${Flag} on=${false} yes="" no="no credential" bad />`;
  if (connector.last_error) return html`<${Flag} on=${false} yes="" no="last call failed" bad />`;
  return html`<${Flag} on yes="ready" no="" />`;
}

/** @param {Connector} connector */
export const test = (connector) =>
  attempt(async () => {
    const found = await api.post(`/v1/connectors/${connector.id}/test`);
    toast(`${connector.name}: ${found.ok ? found.detail : found.reason}`, { kind: found.ok ? "done" : "failed" });
  });

/** @param {Connector} connector @param {boolean} on @param {() => void} done */
export const enable = (connector, on, done) => order(`/v1/connectors/${connector.id}`, on ? { order: "enable", back: "disable" } : { order: "disable", back: "enable" }, `${connector.name} ${on ? "enabled" : "disabled"}`, done);

/** @param {Connector} connector @param {() => void} done */
export const uninstall = (connector, done) =>
  confirmFirst({
    title: `Uninstall ${connector.name}?`,
    text: html`<b>${connector.name}</b> goes with its credentials and the history of its operations. The audit keeps who did what.`,
    action: "Uninstall connector",
    run: () => destroy(`/v1/connectors/${connector.id}`, connector.name, { doing: "Uninstalling", done: "Uninstalled" }).then(done),
  });

/** @param {ConnectorOperation} operation @param {"undo" | "release"} act */
export const decide = (operation, act) => attempt(() => api.post(`/v1/connectors/${operation.connector_id}/operations/${operation.id}/${act}`), act === "undo" ? "Undone: nothing was sent" : "On its way");
