/** One operation of the API: what it takes, what it answers, and a form that really calls it. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { size } from "../../format.js";
import { Fields, Words } from "./fields.js";
import { example, limits, typeName, withoutNull } from "./openapi.js";
import { copy } from "../../components/copy.js";
import { confirmFirst } from "../../components/dialog.js";
import { Icon, IconButton } from "../../components/icon.js";
/** @import { Operation, Parameter } from "./openapi.js" */

const SHOWN_CHARS = 200_000;

/** @param {{method: string}} props */
export const Method = ({ method }) => html`<span class=${`method is-${method.toLowerCase()}`}>${method}</span>`;

/** @param {{document: any, parameter: Parameter, value: string, onChange: (value: string) => void}} props */
function ParameterField({ document, parameter, value, onChange }) {
  const { schema } = withoutNull(document, parameter.schema);
  const id = `parameter-${parameter.name}`;
  const choices = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  const input = choices
    ? html`<select id=${id} class="form-select" value=${value} onChange=${(/** @type {any} */ e) => onChange(e.target.value)}><option value=""></option>${choices.map((/** @type {string} */ one) => html`<option>${one}</option>`)}</select>`
    : html`<input id=${id} class="form-control is-code" spellcheck=${false} required=${parameter.required} value=${value} onInput=${(/** @type {any} */ e) => onChange(e.target.value)} />`;
  return html`<div class="parameter"><label for=${id}><code>${parameter.name}</code>${parameter.required && html` <span class="required">required</span>`}</label>
    ${input}<p class="quiet"><span class="field-type">${typeName(document, { ...parameter.schema, enum: undefined })}</span> ${limits(document, parameter.schema)} <${Words} text=${parameter.description} /></p></div>`;
}

/** @param {{answer: Awaited<ReturnType<typeof api.tryOut>>}} props */
function Answer({ answer }) {
  const { status, statusText, text, type, milliseconds } = answer;
  let shown = text;
  if (/json/.test(type)) {
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      shown = text;
    }
  }
  return html`<div class="answer"><p role="status"><span class=${status < 400 ? "exit" : "exit is-bad"}>${status} ${statusText}</span> <span class="quiet tabular">${milliseconds} ms, ${size(text.length)}, ${type || "no content"}</span>
    ${shown && html`<${IconButton} icon="copy" label="Copy the answer" onClick=${() => copy(shown, "Answer")} />`}</p>
    ${shown && html`<pre tabindex="0" aria-label="Answer">${shown.slice(0, SHOWN_CHARS)}</pre>`}</div>`;
}

/** @param {Operation} operation @param {string} address @param {string} body */
function curl(operation, address, body) {
  const lines = [`curl${operation.method === "GET" ? "" : ` -X ${operation.method}`} '${location.origin}${address.replaceAll("'", "%27")}'`, `-H "Authorization: Bearer $GATEWAY_TOKEN"`];
  if (body) lines.push(`-H "Content-Type: application/json"`, `-d '${body.replaceAll("'", `'\\''`)}'`);
  return `${lines.join(" \\\n  ")}\n`;
}

/** @param {{document: any, operation: Operation}} props */
function TryOut({ document, operation }) {
  const json = operation.body["application/json"];
  const takesFile = !json && Boolean(operation.body["multipart/form-data"]);
  const [values, setValues] = useState(/** @type {Record<string, string>} */ ({}));
  const [body, setBody] = useState(() => (json ? JSON.stringify(example(document, json.schema ?? {}), null, 2) : ""));
  const [file, setFile] = useState(/** @type {File | null} */ (null));
  const [answer, setAnswer] = useState(/** @type {Awaited<ReturnType<typeof api.tryOut>> | null} */ (null));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const address = () => {
    const path = operation.path.replace(/\{([^}]+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ""));
    const query = Object.fromEntries(operation.parameters.filter((one) => one.in === "query").map((one) => [one.name, values[one.name]]));
    return path + api.queryString(query);
  };
  const send = async () => {
    setProblem("");
    setBusy(true);
    try {
      setAnswer(await api.tryOut(operation.method, address(), { json: json ? body : null, file }));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (operation.method === "DELETE") confirmFirst({ title: `Really call ${operation.summary}?`, text: html`This sends <code>DELETE ${address()}</code> as you, for real.`, action: "Send", run: send });
    else send();
  };

  return html`<form class="card panel try" onSubmit=${submit} onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Enter" && (e.ctrlKey || e.metaKey) && submit(e)}>
    <header class="panel-head"><h2>Try it</h2><${IconButton} icon="terminal-2" label="Copy as curl" onClick=${() => copy(curl(operation, address(), json ? body : ""), "curl command")} /></header>
    <div class="panel-text">
      ${operation.parameters.map((one) => html`<${ParameterField} key=${one.name} document=${document} parameter=${one} value=${values[one.name] ?? ""} onChange=${(/** @type {string} */ value) => setValues({ ...values, [one.name]: value })} />`)}
      ${json && html`<div class="parameter"><label for="request-body">Body</label><textarea id="request-body" class="form-control is-code" rows=${Math.min(18, body.split("\n").length + 1)} spellcheck=${false} value=${body} onInput=${(/** @type {any} */ e) => setBody(e.target.value)}></textarea></div>`}
      ${takesFile && html`<div class="parameter"><label for="request-file">File</label><input id="request-file" type="file" class="form-control" onChange=${(/** @type {any} */ e) => setFile(e.target.files[0] ?? null)} /></div>`}
      <div class="try-send"><button type="submit" class="btn btn-primary" disabled=${busy}><${Icon} icon="send" />Send</button><span class="quiet">as you, for real</span></div>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      ${answer && html`<${Answer} answer=${answer} />`}
    </div>
  </form>`;
}

/** @param {{document: any, operation: Operation}} props */
export function OperationView({ document, operation }) {
  const body = Object.entries(operation.body);
  const [status, setStatus] = useState("");
  useEffect(() => setStatus(""), [operation.id]);
  const answer = operation.responses.find((one) => one.status === status) ?? operation.responses[0];
  return html`<article class="operation">
    <header><h2>${operation.summary}</h2><p class="operation-path"><${Method} method=${operation.method} /><code>${operation.path}</code></p>
      ${operation.description && html`<p class="quiet"><${Words} text=${operation.description} /></p>`}</header>
    <${TryOut} key=${operation.id} document=${document} operation=${operation} />
    ${body.map(([type, { schema }]) => html`<section class="card panel" aria-label=${`Body, ${type}`}><header class="panel-head"><h3>Body</h3><span class="quiet">${type}</span></header><div class="panel-text"><${Fields} document=${document} schema=${schema ?? {}} sent /></div></section>`)}
    ${answer &&
    html`<section class="card panel" aria-label="Answers"><header class="panel-head"><h3>Answers</h3>
        <div class="filter-set">${operation.responses.map((one) => html`<button type="button" aria-pressed=${String(one === answer)} onClick=${() => setStatus(one.status)}>${one.status}</button>`)}</div></header>
      <div class="panel-text"><p class="quiet answer-about">${answer.description}${answer.type && `, ${answer.type}`}</p>${answer.schema && html`<${Fields} key=${operation.id + answer.status} document=${document} schema=${answer.schema} />`}</div></section>`}
  </article>`;
}
