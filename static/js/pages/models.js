/** Models that prompts can be given to, the servers that bring them, and whether clients get along with them. */
import { html } from "../html.js";
import { grouped } from "../format.js";
import * as api from "../api.js";
import { place } from "../router.js";
import { MODEL_TABS } from "../routes.js";
import { can } from "../session.js";
import { useDefaultModel } from "../default-model.js";
import { useEndless } from "../endless.js";
import { about, useResource } from "../resource.js";
import { change, remove } from "../components/changes.js";
import { oneCredential } from "../components/choices.js";
import { Ago } from "../components/clock.js";
import { confirmFirst } from "../components/dialog.js";
import { Flag } from "../components/flag.js";
import { openForm } from "../components/form.js";
import { List, Table, menuColumn, rowMenu } from "../components/list.js";
import { Section } from "../components/section.js";
import { Empty, Loaded } from "../components/states.js";
import { Tabs, shownTab } from "../components/tabs.js";
import { attempt, toast } from "../components/toast.js";
import { Told } from "../components/told.js";
import { Conformance } from "./models/conformance.js";
import { keepKey } from "./models/with-key.js";
/** @import { Model, Provider, ProviderTest } from "../types.js" */
/** @import { Field } from "../components/input.js" */

const AGENT = "orchestrator";
const KINDS = [
  { value: "openai_compatible", label: "speaks OpenAI’s API" },
  { value: "ollama", label: "Ollama" },
];

const KEPT = "Kept encrypted. Nobody can read it again, you neither.";

/** A key takes the place of the one that is kept already; a new one is kept under the provider's name. @param {Record<string, any>} values @returns {Field[]} */
const keyFields = ({ secret, credential_id: kept }) => [
  ...(can(kept ? "credentials.rotate" : "credentials.create") ? [/** @type {Field} */ ({ name: "secret", label: kept ? "New key" : "Key", kind: "password", autocomplete: "new-password", hint: kept ? "Takes the place of the credential’s secret, wherever that is used." : KEPT })] : []),
  ...(secret && !kept ? [] : [/** @type {Field} */ ({ name: "credential_id", label: "Credential", hint: "One that is kept already.", ...oneCredential })]),
];

/** @param {boolean} isNew @returns {(values: Record<string, any>) => Field[]} */
const fields = (isNew) => (values) => [
  ...(isNew ? [/** @type {Field} */ ({ name: "kind", label: "Kind", kind: "select", required: true, options: KINDS })] : []),
  { name: "name", label: "Name", required: true, placeholder: "openai", hint: "The first part of its models’ ids: name/model." },
  { name: "base_url", label: "Address", required: values.kind === "openai_compatible", code: true, placeholder: values.kind === "ollama" ? "http://127.0.0.1:11434" : "https://api.example.com/v1" },
  ...keyFields(values),
  { name: "models", label: "Models", kind: "words", hint: "The only ones to offer; without any, what the server lists." },
];

/** Keeps what is written, the key first. @param {Provider | null} provider @param {Record<string, any>} values of the form @param {boolean} over what somebody else has saved meanwhile */
async function save(provider, { base_url: address, credential_id: kept, models, secret, ...rest }, over) {
  const put = (/** @type {string | null} */ credential) => {
    const body = { ...rest, base_url: address || null, credential_id: credential, models: models.length ? models : null };
    return provider ? api.patch(`/v1/providers/${provider.id}`, body, over ? undefined : provider.version) : api.post("/v1/providers", body);
  };
  if (secret && !kept) return keepKey(rest.name, secret, put);
  if (secret) await api.post(`/v1/credentials/${kept}/rotate`, { secret });
  return put(kept || null);
}

/** Tells whether it answers. @param {Provider} provider */
const test = (provider) =>
  attempt(async () => {
    const found = await api.post(`/v1/providers/${provider.id}/test`);
    toast(found.ok ? `${provider.name} answers` : `${provider.name}: ${found.reason}`, { kind: found.ok ? "done" : "failed" });
  });

/** Adds or changes a provider, and tries it. @param {Provider | null} provider @param {() => void} done */
const edit = (provider, done) =>
  openForm({
    title: provider ? `Edit ${provider.name}` : "New provider",
    action: provider ? "Save" : "Create provider",
    initial: provider ?? { kind: "openai_compatible" },
    fields: fields(!provider),
    send: (values, over) => save(provider, values, over),
    done: (kept) => {
      done();
      if (kept.enabled && can("providers.test")) void test(kept).then(done);
    },
  });

/** Makes a provider that was there. @param {Provider} provider */
const again = ({ name, kind, base_url, credential_id, models, enabled }) => api.post("/v1/providers", { name, kind, base_url, credential_id, models, enabled });

/** @param {Provider} provider @param {() => void} done */
const destroy = (provider, done) =>
  confirmFirst({
    title: `Remove ${provider.name}?`,
    text: html`The models of <b>${provider.name}</b> are no longer offered. Its credential stays.`,
    action: "Remove provider",
    run: () => remove(`/v1/providers/${provider.id}`, () => again(provider), `${provider.name} removed`, done),
  });

/** @param {{test: ProviderTest | null}} props */
const Test = ({ test }) =>
  test
    ? html`<${Flag} on=${test.ok} yes="answers" no="does not work" bad /> <span class="quiet"><${Ago} at=${test.tested_at} /></span>${!test.ok && html`<div class="quiet cell-text is-long"><${Told} text=${`${test.reason} ${test.remedy}`} /></div>`}`
    : html`<span class="quiet">not tried yet</span>`;

/** @param {{onChange: () => void}} props what else is to be read again */
function Providers({ onChange }) {
  const list = useEndless({}, (wanted) => api.get("/v1/providers", wanted), about("provider."));
  const changed = () => (list.reload(), onChange());
  const set = (/** @type {Provider} */ provider) => change(`/v1/providers/${provider.id}`, provider, { enabled: !provider.enabled }, `${provider.name} ${provider.enabled ? "disabled" : "enabled"}`, changed);
  const columns = [
    { head: "Provider", sort: "name", class: "cell-top", cell: (/** @type {Provider} */ provider) => html`<b>${provider.name}</b> <span class="quiet">${provider.kind.replaceAll("_", " ")}</span>${provider.base_url && html`<div class="quiet cell-text">${provider.base_url}</div>`}` },
    { head: "Last test", class: "cell-wrap", cell: (/** @type {Provider} */ provider) => html`<${Test} test=${provider.last_test} />` },
    { head: "State", cell: (/** @type {Provider} */ provider) => html`<${Flag} on=${provider.enabled} yes="enabled" no="disabled" />` },
    menuColumn((/** @type {Provider} */ provider) =>
      rowMenu(provider.name, [
        can("providers.test") && { label: "Test", icon: "plug-connected", run: () => void test(provider).then(changed) },
        can("providers.update") && { label: "Edit…", icon: "pencil", run: () => edit(provider, changed) },
        can("providers.update") && { label: provider.enabled ? "Disable" : "Enable", icon: "power", run: () => void set(provider) },
        can("providers.delete") && { label: "Remove…", icon: "trash", danger: true, run: () => destroy(provider, changed) },
      ]),
    ),
  ];
  return html`<${Section} title="Providers" about="Servers of models, on this machine or elsewhere. Those found on this machine need no entry." add=${can("providers.create") && "New provider"} onAdd=${() => edit(null, changed)}>
    <${List} of=${list} what="the providers" columns=${columns} empty=${html`<${Empty} title="No providers yet">What runs on this machine is found by itself.<//>`} />
  <//>`;
}

/** @param {ReturnType<typeof useDefaultModel>} standard */
const columns = ({ setting, choose }) => [
  { head: "Model", class: "cell-name", cell: (/** @type {Model} */ model) => html`<code>${model.id}</code>${model.id === setting?.value && html` <span class="tag is-on">default</span>`}${model.id === AGENT && html` <span class="quiet">the agent, which does things by another model</span>`}` },
  { head: "From", cell: (/** @type {Model} */ model) => model.owned_by ?? "" },
  { head: "Context", cell: (/** @type {Model} */ model) => (model.context_length ? `${grouped(model.context_length)} tokens` : html`<span class="quiet">not told</span>`) },
  { head: "Price", cell: (/** @type {Model} */ model) => (model.price ? html`<span title="US dollars a million tokens, read and written">$${model.price.input} / $${model.price.output}</span>` : html`<span class="quiet">–</span>`) },
  menuColumn((/** @type {Model} */ { id }) => rowMenu(id, [setting !== null && can("settings.write") && id !== AGENT && id !== setting.value && { label: "Make it the default", icon: "star", run: () => void choose(id) }])),
];

/** @param {{of: import("../resource.js").Resource<{data: Model[]}>}} props */
function Models({ of }) {
  const standard = useDefaultModel();
  return html`<${Section} title="Models" about="What a prompt can be given to. The default answers where none is named.">
    <div class="card list-card"><${Loaded} of=${of} what="the models">
      ${(/** @type {{data: Model[]}} */ { data }) => (data.length ? html`<${Table} columns=${columns(standard)} rows=${data} label="models" />` : html`<${Empty} title="No models yet">Scripts and commands need none.<//>`)}
    <//></div>
  <//>`;
}

function Offered() {
  const models = useResource("models", () => api.get("/v1/models"), about("provider.", "node."));
  return html`<div class="sections"><${Models} of=${models} />${can("providers.read") && html`<${Providers} onChange=${models.reload} />`}</div>`;
}

/** @type {Record<string, () => any>} */
const PARTS = { "/models": Offered, "/models/conformance": Conformance };

export default function ModelsPage() {
  const path = shownTab(MODEL_TABS);
  return html`<div class="page-head"><h1>Models</h1></div><${Tabs} tabs=${MODEL_TABS} label="Models" /><${PARTS[path]} key=${path} />`;
}
