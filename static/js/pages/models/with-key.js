/** A server of models that wants a key: its address and its key in one form, tried at once. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { Form } from "../../components/form.js";
import { Icon } from "../../components/icon.js";
/** @import { Credential, Provider, ProviderTest } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** @typedef {{name: string, test: ProviderTest}} Tried the server's name, and what it answered */

/** @type {Field[]} */
const FIELDS = [
  { name: "name", label: "Name", required: true, placeholder: "openai", hint: "The first part of its models’ ids: name/model." },
  { name: "base_url", label: "Address", required: true, code: true, placeholder: "https://api.openai.com/v1" },
  { name: "secret", label: "Key", kind: "password", required: true, autocomplete: "off", hint: "Kept encrypted. Nobody can read it again, you neither." },
];

/** Keeps a key for what `use` makes of its credential; nothing stays of it where that is refused. @template T @param {string} name @param {string} secret @param {(id: string) => Promise<T>} use */
export async function keepKey(name, secret, use) {
  /** @type {Credential} */
  const credential = await api.post("/v1/credentials", { name, secret, kind: "api_key" });
  try {
    return await use(credential.id);
  } catch (error) {
    await api.remove(`/v1/credentials/${credential.id}`);
    throw error;
  }
}

/** @param {Record<string, any>} values @returns {Promise<Tried>} */
const add = ({ name, base_url: address, secret }) =>
  keepKey(name, secret, async (id) => {
    /** @type {Provider} */
    const provider = await api.post("/v1/providers", { name, kind: "openai_compatible", base_url: address, credential_id: id });
    return { name, test: await api.post(`/v1/providers/${provider.id}/test`) };
  });

/** @param {{done: (tried: Tried) => void}} props */
export function WithKey({ done }) {
  const [isOpen, setOpen] = useState(false);
  const [test, setTest] = useState(/** @type {ProviderTest | null} */ (null));
  const tried = (/** @type {Tried} */ found) => (setTest(found.test), setOpen(false), done(found));
  if (isOpen) return html`<div class="step-inner"><${Form} fields=${FIELDS} action="Add and try" send=${add} done=${tried} onCancel=${() => setOpen(false)} /></div>`;
  return html`${test && (test.ok ? html`<p class="status is-completed"><${Icon} icon="check" />It answers</p>` : html`<p class="form-refused" role="alert"><${Icon} icon="alert-circle" />${test.reason} ${test.remedy}</p>`)}
    <button type="button" class="btn btn-sm" onClick=${() => setOpen(true)}><${Icon} icon="key" />Use one with a key…</button>`;
}
