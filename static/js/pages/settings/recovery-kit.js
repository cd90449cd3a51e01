/** The emergency kit: a key to print, without which credentials are lost with the machine's keys. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { exactTime } from "../../format.js";
import { useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { copy } from "../../components/copy.js";
import { confirmFirst } from "../../components/dialog.js";
import { Icon } from "../../components/icon.js";
import { Problem } from "../../components/problem.js";
import { Loaded } from "../../components/states.js";
/** @import { RecoveryKit as Kit } from "../../types.js" */

/** @param {{kit: Kit}} props what is printed, alone on its page */
function Sheet({ kit }) {
  const first = useRef(/** @type {HTMLButtonElement | null} */ (null));
  useEffect(() => first.current?.focus(), []);
  return html`<section class="kit" aria-label="Emergency kit">
  <h2>Emergency kit</h2>
  <p>Gateway at ${location.host}, made on ${exactTime(kit.created_at ?? "")}.</p>
  <p class="kit-key"><code tabindex="0" aria-label="Recovery key">${kit.recovery_key}</code></p>
  <p>Keep this page where you keep what must not be lost, not on this machine. With it and a backup, the credentials can be opened again when the machine or its keyring is gone. It opens nothing without the backup.</p>
  <p class="no-print kit-buttons"><button type="button" class="btn btn-primary" ref=${first} onClick=${() => print()}><${Icon} icon="printer" />Print</button>
    <button type="button" class="btn" onClick=${() => copy(kit.recovery_key ?? "", "Recovery key")}><${Icon} icon="copy" />Copy</button>
    <span class="quiet">It is not shown again.</span></p>
</section>`;
}

/** @param {{done?: () => void}} props called once there is a new one */
export function RecoveryKit({ done }) {
  const present = useResource("kit", () => api.get("/v1/credentials/recovery-kit"));
  const [made, setMade] = useState(/** @type {Kit | null} */ (null));
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const make = async () => {
    const kit = await api.post("/v1/credentials/recovery-kit");
    // Once the question is gone, which gives the focus back.
    setTimeout(() => setMade(kit));
    done?.();
  };
  const makeFirst = async () => {
    setBusy(true);
    try {
      await make();
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      setError(problem);
      setBusy(false);
    }
  };
  const askFirst = () =>
    confirmFirst({
      title: "Create a new emergency kit?",
      text: "The recovery key that was made before, on paper perhaps, is ended: it opens no backup that is made from now on.",
      action: "Create a new kit",
      run: make,
    });
  if (made) return html`<${Sheet} kit=${made} />`;
  return html`<${Loaded} of=${present} what="the emergency kit" rows=${1}>
    ${(/** @type {Kit} */ kit) => html`<div class="kit-offer">
      <p>${kit.exists ? html`A recovery key was made <${Ago} at=${kit.created_at} />. A new one ends it.` : "No recovery key was made yet. Should this machine’s keys be lost, the credentials are lost with them."}</p>
      ${error && html`<${Problem} error=${error} />`}
      <button type="button" class="btn" disabled=${busy} onClick=${kit.exists ? askFirst : makeFirst}><${Icon} icon="lifebuoy" />${kit.exists ? "Create a new emergency kit" : "Create an emergency kit"}</button>
    </div>`}
  <//>`;
}
