/** What agents ask their user: forms by the kind of the question, on the page of the task, in its chat, and on Home. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import * as api from "../api.js";
import { listen } from "../live.js";
import { place } from "../router.js";
import { can } from "../session.js";
import { useResource } from "../resource.js";
import { wrote } from "../unsent.js";
import { Ago } from "./clock.js";
import { Icon } from "./icon.js";
import { TaskName } from "./named.js";
import { Problem } from "./problem.js";
import { toast } from "./toast.js";
/** @import { GatewayEvent, Page, Question } from "../types.js" */

const MOST = 50;

/** @param {GatewayEvent} event */
const ofQuestion = (event) => event.name.startsWith("agent.question_");

/** @param {{question: Question, answer: (given: string | boolean) => void, busy: boolean}} props */
function Choices({ question: { id, options, question }, answer, busy }) {
  const [chosen, setChosen] = useState("");
  return html`<form onSubmit=${(/** @type {Event} */ e) => (e.preventDefault(), chosen && answer(chosen))}>
    <fieldset class="question-options"><legend class="visually-hidden">${question}</legend>
      ${options.map((option) => html`<label class="form-check"><input class="form-check-input" type="radio" name=${id} value=${option} checked=${chosen === option} onChange=${() => setChosen(option)} /><span class="form-check-label">${option}</span></label>`)}
    </fieldset>
    <div class="form-buttons"><button type="submit" class="btn btn-sm btn-primary" disabled=${busy || !chosen}>Answer</button></div></form>`;
}

/** @param {{question: Question, answer: (given: string | boolean) => void, busy: boolean}} props */
function Words({ question: { question }, answer, busy }) {
  const [text, setText] = useState("");
  const send = () => text.trim() && answer(text.trim());
  return html`<form onInput=${(/** @type {any} */ e) => wrote(e.currentTarget)} onSubmit=${(/** @type {Event} */ e) => (e.preventDefault(), send())} onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Enter" && (e.ctrlKey || e.metaKey) && send()}>
    <textarea class="form-control" rows="2" aria-label=${`Answer to: ${question}`} value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)}></textarea>
    <div class="form-buttons"><button type="submit" class="btn btn-sm btn-primary" disabled=${busy || !text.trim()}>Answer</button></div></form>`;
}

/** @param {{question: Question, done: () => void}} props */
function AnswerForm({ question, done }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {api.ApiError | null} */ (null));
  const answer = async (/** @type {string | boolean} */ given) => {
    setBusy(true);
    setError(null);
    try {
      await api.post(`/v1/questions/${question.id}/answer`, { answer: given });
      done();
    } catch (problem) {
      if (!(problem instanceof api.ApiError)) throw problem;
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return html`${question.kind === "text" && html`<${Words} question=${question} answer=${answer} busy=${busy} />`}
    ${question.kind === "choice" && html`<${Choices} question=${question} answer=${answer} busy=${busy} />`}
    ${question.kind === "confirm" && html`<div class="form-buttons"><button type="button" class="btn btn-sm" disabled=${busy} onClick=${() => answer(false)}>No</button><button type="button" class="btn btn-sm btn-primary" disabled=${busy} onClick=${() => answer(true)}>Yes</button></div>`}
    ${error && html`<${Problem} error=${error} />`}`;
}

/** @param {Question} question */
const answered = ({ status, answer }) => (status === "withdrawn" ? "Withdrawn: the task ended before an answer came." : typeof answer === "boolean" ? (answer ? "Yes" : "No") : answer);

/** @param {{question: Question, linked?: boolean, done: () => void}} props `linked`: with the way to its task */
const QuestionCard = ({ question, linked, done }) => html`<article class=${`question is-${question.status}`} aria-label="Question of the agent">
  <div class="question-head"><${Icon} icon="help-circle" /><p class="question-text">${question.question}</p></div>
  ${question.status === "open" ? (can("questions.answer") ? html`<${AnswerForm} key=${question.id} question=${question} done=${done} />` : html`<p class="quiet">It waits for an answer.</p>`) : html`<p class="question-answer">${answered(question)}</p>`}
  <p class="quiet question-time">asked <${Ago} at=${question.asked_at} />${linked && html` by <${TaskName} id=${question.task_id} />`}</p>
</article>`;

/** The questions of one task, the open ones with a form. Nothing where there are none. @param {{taskId: string}} props */
export function Questions({ taskId }) {
  const read = useResource(taskId, () => api.get("/v1/questions", { task_id: taskId, limit: MOST }), (event) => event.task_id === taskId && ofQuestion(event));
  const questions = /** @type {Question[]} */ (read.data?.items ?? []);
  return questions.length ? html`<div class="questions">${[...questions].reverse().map((question) => html`<${QuestionCard} key=${question.id} question=${question} done=${read.reload} />`)}</div>` : null;
}

/** All open questions, for the shell's count and for Home. @type {import("@preact/signals").Signal<Question[]>} */
const open = signal([]);

/** Reads the open questions for as long as the console is shown, and tells of each new one where it is not seen anyway. */
export function useOpenQuestions() {
  const isAllowed = can("questions.read");
  const read = useResource("open questions", async () => (isAllowed ? api.get("/v1/questions", { status: "open", limit: MOST }) : { items: [] }), ofQuestion);
  const items = /** @type {Page<Question> | null} */ (read.data)?.items;
  useEffect(() => {
    if (items) open.value = items;
  }, [items]);
  useEffect(
    () =>
      listen((event) => {
        const isSeen = ["/", `/tasks/${event?.task_id}`].includes(place.value.path) || place.value.path.startsWith("/chat/");
        if (event?.name === "agent.question_asked" && isAllowed && !isSeen) toast(`The agent asks: ${event.data.question}`, { kind: "info", link: { href: `/tasks/${event.task_id}`, label: "Answer" } });
      }),
    [],
  );
}

/** How many questions wait, with the way to them. Nothing where there are none. */
export function QuestionsBadge() {
  const count = open.value.length;
  if (!count) return null;
  const href = count === 1 ? `/tasks/${open.value[0].task_id}` : "/";
  return html`<span role="status"><a class="questions-badge" href=${href}><${Icon} icon="help-circle" /><span>${count === MOST ? `${count}+` : count}<span class="top-words">${count === 1 ? " question" : " questions"}</span></span></a></span>`;
}

/** The open questions on Home. */
export const OpenQuestions = () =>
  open.value.length
    ? html`<section class="card panel open-questions" aria-labelledby="h-questions"><header class="panel-head"><h2 id="h-questions">Waiting for your answer</h2></header>
        <div class="questions">${open.value.map((question) => html`<${QuestionCard} key=${question.id} question=${question} linked done=${() => (open.value = open.value.filter(({ id }) => id !== question.id))} />`)}</div></section>`
    : null;
