/** The conformance lab: common clients, tried one after the other; pass or fail of each of their cases, and why. */
import { useState } from "preact/hooks";
import { html, cx } from "../../html.js";
import * as api from "../../api.js";
import { grouped, plural } from "../../format.js";
import { place, navigate, withQuery } from "../../router.js";
import { can } from "../../session.js";
import { useResource } from "../../resource.js";
import { Icon } from "../../components/icon.js";
import { Problem } from "../../components/problem.js";
import { Progress } from "../../components/progress.js";
import { Section } from "../../components/section.js";
import { Loaded } from "../../components/states.js";
/** @import { LabCase, LabClient, LabResult, Model } from "../../types.js" */

/** @typedef {{results: LabResult[] | null, error: api.ApiError | null}} Tried null results: being tried */

const VERDICTS = {
  passed: { icon: "check", class: "is-completed", label: "pass" },
  failed: { icon: "x", class: "is-failed", label: "fail" },
  untested: { icon: "minus", class: "is-canceled", label: "untested" },
};

/** @param {{of: LabCase, result: LabResult | undefined, busy: boolean}} props */
function Case({ of, result, busy }) {
  const verdict = result && VERDICTS[result.verdict];
  return html`<li class="lab-case">
    <span class=${`status ${verdict?.class ?? ""}`}>${verdict ? html`<${Icon} icon=${verdict.icon} />${verdict.label}` : html`<span class=${cx("quiet", !busy && "lab-untried")}>${busy ? "trying" : "–"}</span>`}</span>
    <div><b>${of.name}</b> <span class="quiet">${of.about}</span>
      ${result?.reason && html`<p class="lab-reason"><code>${result.method} ${result.path}</code>${result.status !== null && html` answered <b>${result.status}</b>`}: ${result.reason}</p>`}</div>
    <span class="quiet tabular lab-time">${result && result.verdict !== "untested" && `${grouped(result.duration_ms)} ms`}</span>
  </li>`;
}

/** What became of a client as a whole, in words. @param {Tried | undefined} tried */
function summary(tried) {
  if (!tried?.results) return null;
  const failed = tried.results.filter((result) => result.verdict === "failed").length;
  const untested = tried.results.filter((result) => result.verdict === "untested").length;
  const verdict = failed ? VERDICTS.failed : untested ? VERDICTS.untested : VERDICTS.passed;
  return html`<span class=${`status ${verdict.class}`}><${Icon} icon=${verdict.icon} />${failed ? `${failed} of ${tried.results.length} failed` : untested ? `${untested} untested` : "all passed"}</span>`;
}

/** @param {{client: LabClient, tried: Tried | undefined, busy: boolean, onTry: () => void}} props */
const Client = ({ client, tried, busy, onTry }) => html`<section class="card lab-client" aria-label=${client.name}>
  <header class="lab-head"><div><h3>${client.name}</h3><p class="quiet">${client.about}</p></div>
    <span role="status">${summary(tried)}</span>
    ${can("conformance.run") && html`<button type="button" class="btn btn-sm" disabled=${busy} aria-label=${`Try ${client.name}`} onClick=${onTry}><${Icon} icon="player-play" />Try</button>`}</header>
  ${tried?.error && html`<${Problem} error=${tried.error} />`}
  <ul class="lab-cases">${client.cases.map((of, n) => html`<${Case} key=${of.name} of=${of} result=${tried?.results?.[n]} busy=${Boolean(tried && !tried.results && !tried.error)} />`)}</ul>
</section>`;

/** @param {{clients: LabClient[], models: Model[]}} props */
function Lab({ clients, models }) {
  const [tried, setTried] = useState(/** @type {Record<string, Tried>} */ ({}));
  const [progress, setProgress] = useState(/** @type {number | null} */ (null));
  const model = place.value.query.get("model") ?? "";
  const put = (/** @type {string} */ id, /** @type {Tried} */ one) => setTried((old) => ({ ...old, [id]: one }));
  const attemptOne = async (/** @type {LabClient} */ { id }) => {
    put(id, { results: null, error: null });
    try {
      const { results } = await api.post("/v1/conformance/run", { client: id, ...(model ? { model } : {}) });
      put(id, { results, error: null });
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      put(id, { results: null, error: problem });
    }
  };
  const attemptAll = async (/** @type {LabClient[]} */ wanted) => {
    for (const [n, client] of wanted.entries()) {
      setProgress(n / wanted.length);
      await attemptOne(client);
    }
    setProgress(null);
  };
  const busy = progress !== null;
  return html`<div class="filters lab-bar">
      <div class="filter-field"><label class="form-label" for="lab-model">Model</label>
        <select id="lab-model" class="form-select form-select-sm" value=${model} disabled=${busy} onChange=${(/** @type {any} */ e) => (setTried({}), navigate(withQuery({ model: e.target.value || null }), { replace: true }))}>
          <option value="">the default model</option>${models.filter(({ id }) => id.includes("/")).map(({ id }) => html`<option value=${id}>${id}</option>`)}
        </select></div>
      ${can("conformance.run") && html`<button type="button" class="btn btn-primary btn-sm" disabled=${busy} onClick=${() => attemptAll(clients)}><${Icon} icon="player-play" />Try all</button>`}
      ${busy && html`<${Progress} part=${progress} label="Clients tried" />`}
    </div>
    ${clients.map((client) => html`<${Client} key=${client.id} client=${client} tried=${tried[client.id]} busy=${busy} onTry=${() => attemptAll([client])} />`)}`;
}

export function Conformance() {
  const found = useResource("lab", () => Promise.all([api.get("/v1/conformance/clients"), api.get("/v1/models")]));
  return html`<${Section} title="Conformance" about="Asks this gateway what common clients ask, in their shapes, and judges the answers as they do. A few tokens of the model for each case.">
    <${Loaded} of=${found} what="the clients" rows=${8}>
      ${(/** @type {[{items: LabClient[]}, {data: Model[]}]} */ [{ items }, { data }]) => html`<p class="quiet">${plural(items.length, "client")}, ${plural(items.reduce((sum, client) => sum + client.cases.length, 0), "case")}. The same on the command line: <code>python app.py conformance</code></p><${Lab} clients=${items} models=${data} />`}
    <//>
  <//>`;
}
