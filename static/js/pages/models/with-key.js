/** A server of models that wants a key: its address and its key in one form, tried at once. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { Form } from "../../components/form.js";
import { Icon } from "../../components/icon.js";
import { Told } from "../../components/told.js";
/** @import { Credential, Provider, ProviderTest } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

/** @typedef {{name: string, provider: Provider, test: ProviderTest}} Tried a server's name, and what it answered */

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

/** @param {Provider} provider @returns {Promise<Tried>} */
const tried = async (provider) => ({ name: provider.name, provider, test: await api.post(`/v1/providers/${provider.id}/test`) });

/** @param {Record<string, any>} values */
const add = ({ name, base_url: address, secret }) => keepKey(name, secret, async (id) => tried(await api.post("/v1/providers", { name, kind: "openai_compatible", base_url: address, credential_id: id })));

/** @param {Provider} provider @param {Record<string, any>} values @param {boolean} over whatever somebody else has saved meanwhile */
async function mend(provider, { secret, ...rest }, over) {
  await api.post(`/v1/credentials/${provider.credential_id}/rotate`, { secret });
  return tried(await api.patch(`/v1/providers/${provider.id}`, rest, over ? undefined : provider.version));
}

/** @param {{done: (tried: Tried) => void}} props */
export function WithKey({ done }) {
  const [writing, setWriting] = useState(/** @type {"" | "new" | "again"} */ (""));
  const [last, setLast] = useState(/** @type {Tried | null} */ (null));
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  // The form takes the place of the button that was pressed; one begins at what is missing.
  useLayoutEffect(() => void (writing && [...(element.current?.querySelectorAll("input") ?? [])].find(({ value }) => !value)?.focus()), [writing]);
  const close = () => setWriting("");
  const take = (/** @type {Tried} */ found) => (setLast(found), close(), done(found));
  if (writing) {
    const provider = writing === "again" ? last?.provider : undefined;
    return html`<div class="step-inner" ref=${element}><${Form} fields=${FIELDS} initial=${provider} action="Save and try" send=${(/** @type {any} */ values, /** @type {boolean} */ over) => (provider ? mend(provider, values, over) : add(values))} done=${take} onCancel=${close} /></div>`;
  }
  const failed = last && !last.test.ok ? last : null;
  return html`${last && (failed ? html`<p class="form-refused" role="alert"><${Icon} icon="alert-circle" /><${Told} text=${`${failed.test.reason} ${failed.test.remedy}`} /></p>` : html`<p class="status is-completed" role="status"><${Icon} icon="check" />It answers</p>`)}
    ${failed && html`<button type="button" class="btn btn-sm" onClick=${() => setWriting("again")}><${Icon} icon="pencil" />Change ${failed.name}…</button>`}
    <button type="button" class="btn btn-sm" onClick=${() => setWriting("new")}><${Icon} icon="key" />Use one with a key…</button>`;
}
