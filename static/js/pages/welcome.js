/** First run, on one page: who you are, an emergency kit, a model, and a first task that runs there and then. */
import { useState } from "preact/hooks";
import { html, cx } from "../html.js";
import * as api from "../api.js";
import { navigate } from "../router.js";
import { can, loadSession, session } from "../session.js";
import { useDefaultModel } from "../default-model.js";
import { about, useResource } from "../resource.js";
import { Form } from "../components/form.js";
import { Icon } from "../components/icon.js";
import { LogViewer, useLog } from "../components/log.js";
import { Markdown } from "../components/markdown.js";
import { RecoveryKit } from "./settings/recovery-kit.js";
import { Loaded } from "../components/states.js";
import { Status, isFinished } from "../components/status.js";
import { Told } from "../components/told.js";
import { attempt, toast } from "../components/toast.js";
import { WithKey } from "./models/with-key.js";
/** @import { Capability, Model, Node, Task } from "../types.js" */
/** @import { Field } from "../components/input.js" */
/** @import { Tried } from "./models/with-key.js" */

const SAMPLES = {
  prompt: { label: "Ask the model", body: { prompt: "In two sentences: what is a task queue good for?" } },
  script: {
    label: "Run a script",
    body: { script: { content: 'for step in 1 2 3; do echo "step $step of 3"; sleep 0.4; done\ndate -u > "$WORKSPACE/artifacts/hello.txt"\necho "wrote artifacts/hello.txt"\n' } },
  },
};

/** @param {{number: number, title: string, done?: boolean, children?: any}} props */
const Step = ({ number, title, done, children }) => html`<section class=${cx("card step", done && "is-done")} aria-labelledby=${`step-${number}`}>
  <span class="step-number" aria-hidden="true">${done ? html`<${Icon} icon="check" />` : number}</span>
  <div class="step-body"><h2 id=${`step-${number}`}>${title}</h2>${children}</div>
</section>`;

function Account() {
  const user = session.value?.user;
  const [saved, setSaved] = useState(false);
  /** @type {Field[]} */
  const fields = [
    { name: "display_name", label: "What to call you", required: true, autocomplete: "name" },
    ...(user?.has_password ? [/** @type {Field} */ ({ name: "current_password", label: "Present password", kind: "password", autocomplete: "current-password" })] : []),
    { name: "new_password", label: "New password", kind: "password", minlength: 8, autocomplete: "new-password", hint: "8 characters or more." },
  ];
  const save = async (/** @type {Record<string, any>} */ { display_name: name, new_password: password, current_password: current }) => {
    if (name !== user?.display_name) await api.patch("/v1/users/me", { display_name: name });
    if (password) await api.post("/v1/users/me/password", { new_password: password, ...(current ? { current_password: current } : {}) });
  };
  return html`<${Step} number=${1} title="You" done=${saved}>
    <p class="quiet">Your sign-in name is <b>${user?.handle}</b>. A password is only needed to sign in from a browser; the app's own window needs none.</p>
    <div class="step-row"><${Form} key=${user?.has_password} fields=${fields} initial=${{ ...user }} action="Save" send=${save} done=${() => (void loadSession(), setSaved(true), toast("Saved"))} /></div>
  <//>`;
}

const MOST_NAMED = 8;

/** Models of servers that do not write: a list of a cloud provider names these among the others. */
const NO_CHAT = /embed|whisper|tts|dall-e|image|audio|realtime|transcribe|moderation|sora/i;

/** @param {string} id a model's that writes by itself */
const writes = (id) => id !== "orchestrator" && !NO_CHAT.test(id);

/** What can be asked, and which of it is where none is named. @param {{models: Model[], chosen: DefaultModel}} props */
function Offered({ models, chosen: { setting, choose } }) {
  const ids = models.map(({ id }) => id).filter(writes);
  return html`<p class="quiet">${ids.length > 1 ? `Ready for prompts: ${ids.length} models.` : "Ready for prompts."}</p>
    ${
      setting && can("settings.write")
        ? html`<div class="step-choice"><label class="form-label" for="default-model">Answers where no model is named</label>
            <select id="default-model" class="form-select" value=${setting.value} onChange=${(/** @type {any} */ e) => void choose(e.target.value)}>
              ${[...new Set([setting.value, ...ids])].map((id) => html`<option key=${id} value=${id}>${id}</option>`)}
            </select></div>`
        : html`<ul class="models">${ids.slice(0, MOST_NAMED).map((id) => html`<li key=${id}><code>${id}</code></li>`)}${ids.length > MOST_NAMED && html`<li class="quiet">and ${ids.length - MOST_NAMED} more</li>`}</ul>`
    }`;
}

/** Has each node look for models now, which it does by itself once a minute. */
async function lookAgain() {
  if (!can("nodes.refresh")) return;
  const nodes = /** @type {Node[]} */ (await api.all("/v1/nodes")).filter(({ state }) => state !== "offline");
  await Promise.all(nodes.map(({ id }) => api.post(`/v1/nodes/${id}/refresh`)));
}

/**
 * @typedef {ReturnType<typeof useDefaultModel>} DefaultModel
 * @param {{models: import("../resource.js").Resource<{data: Model[]}>, chosen: DefaultModel, number: number}} props
 */
function Models({ models, chosen, number }) {
  // Who adds a server where there was only the built-in model means to ask that server.
  const added = async (/** @type {Tried} */ { name, test }) => {
    const first = test.models.find(writes);
    const hadOthers = models.data?.data.some(({ id }) => writes(id) && !id.startsWith("local/"));
    if (test.ok && first && !hadOthers && chosen.setting?.source === "default" && can("settings.write")) await chosen.choose(`${name}/${first}`);
    models.reload();
  };
  const parts = useResource("capabilities", () => api.get("/v1/capabilities"), about("provider.", "node."));
  const hasModel = (models.data?.data.length ?? 0) > 0;
  // The built-in model is fetched by the first question, which says so while it does.
  const lacking = /** @type {Capability[]} */ (parts.data?.items ?? []).filter(({ available, name }) => !available && /model|provider/.test(name) && !(hasModel && name === "local_model"));
  return html`<${Step} number=${number} title="A model" done=${hasModel}>
    <${Loaded} of=${models} what="the models" rows=${2}>
      ${(/** @type {{data: Model[]}} */ { data }) =>
        data.length
          ? html`<${Offered} models=${data} chosen=${chosen} />`
          : html`<p>None found. Scripts and commands need none.</p>`}
    <//>
    ${lacking.length > 0 && html`<ul class="lacking">${lacking.map((part) => html`<li><b>${part.name.replaceAll("_", " ")}</b> <span class="quiet"><${Told} text=${`${part.reason} ${part.remedy}`} /></span></li>`)}</ul>`}
    <div class="step-choices"><button type="button" class="btn btn-sm" onClick=${() => void attempt(lookAgain).then(models.reload)}><${Icon} icon="refresh" />Look again</button>${can("providers.create") && can("credentials.create") && html`<${WithKey} done=${added} />`}</div>
  <//>`;
}

/** @param {{id: string}} props the sample at work */
function SampleRun({ id }) {
  const read = useResource(
    id,
    async () => {
      const task = /** @type {Task} */ (await api.get(`/v1/tasks/${id}`));
      return { task, result: isFinished(task.status) ? await api.get(`/v1/tasks/${id}/result`) : null };
    },
    (event) => event.task_id === id && event.name !== "job.progress",
  );
  const log = useLog(read.data?.task.run_id, { whole: true });
  return html`<${Loaded} of=${read} what="the task" rows=${2}>
    ${(/** @type {any} */ { task, result }) => html`<div class="sample">
      <p><${Status} status=${task.status} /> <a href=${`/tasks/${task.id}`}>${task.name}</a></p>
      ${task.kind === "prompt" ? html`<${Markdown} text=${result?.output ?? log.answer} />` : html`<${LogViewer} log=${log} name=${task.name} running=${!isFinished(task.status)} />`}
      ${result?.error && html`<div class="problem" role="alert"><${Icon} icon="alert-circle" /><p>${result.error.message}</p></div>`}
    </div>`}
  <//>`;
}

/** @param {{hasModel: boolean, asked: string | undefined, number: number}} props `asked`: the model that answers, where known */
function Sample({ hasModel, asked, number }) {
  const [id, setId] = useState("");
  const run = (/** @type {"prompt" | "script"} */ kind) => attempt(async () => setId((await api.createTask({ ...SAMPLES[kind].body, ...(kind === "prompt" && asked ? { model: asked } : {}), name: `first-${kind}`, tags: ["sample"] })).id));
  return html`<${Step} number=${number} title="A first task" done=${Boolean(id)}>
    <div class="step-choices">
      <button type="button" class=${cx("btn", hasModel && "btn-primary")} disabled=${!hasModel} onClick=${() => run("prompt")}><${Icon} icon="message" />${SAMPLES.prompt.label}</button>
      <button type="button" class=${cx("btn", !hasModel && "btn-primary")} onClick=${() => run("script")}><${Icon} icon="file-code" />${SAMPLES.script.label}</button>
    </div>
    ${hasModel && asked && html`<p class="quiet">The model asked is <code>${asked}</code>, chosen above.</p>`}
    ${id && html`<${SampleRun} key=${id} id=${id} />`}
  <//>`;
}

function Recovery() {
  const [made, setMade] = useState(false);
  return html`<${Step} number=${2} title="An emergency kit" done=${made}><${RecoveryKit} done=${() => setMade(true)} /><//>`;
}

export default function WelcomePage() {
  const keeps = can("credentials.create_recovery_kit");
  const models = useResource("models", () => api.get("/v1/models"), about("provider.", "node."));
  const chosen = useDefaultModel();
  const finish = () =>
    attempt(async () => {
      await api.patch("/v1/users/me", { welcomed: true });
      await loadSession();
      navigate("/");
    });
  return html`<div class="welcome">
    <header><h1>Welcome</h1><p class="quiet">A few small things, all of them optional.</p></header>
    <${Account} />${keeps && html`<${Recovery} />`}<${Models} models=${models} chosen=${chosen} number=${keeps ? 3 : 2} /><${Sample} number=${keeps ? 4 : 3} hasModel=${(models.data?.data.length ?? 0) > 0} asked=${chosen.setting?.value} />
    <footer><button type="button" class="btn btn-primary" onClick=${finish}>Go to the console</button></footer>
  </div>`;
}
