/** The emergency kit among the settings. */
import { html } from "../../html.js";
import { RecoveryKit } from "./recovery-kit.js";
import { Section } from "../../components/section.js";

export const Recovery = () => html`<${Section} title="Emergency kit" about="A key on paper that opens the credentials of a backup when this machine is gone.">
  <div class="card form-card"><${RecoveryKit} /></div>
<//>`;
