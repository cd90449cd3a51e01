/** One thread: what was said, the answer that is coming, and the box for the next word. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import * as api from "../../api.js";
import { ask, forget, liveAnswer, readAlong, setRefusal, stop } from "../../answers.js";
import { branchOf, newestLeaf, told } from "../../chat-tree.js";
import { navigate, place } from "../../router.js";
import { can } from "../../session.js";
import { useResource } from "../../resource.js";
import { useShortcuts } from "../../keys.js";
import { useTitle } from "../../title.js";
import { destroy } from "../../components/changes.js";
import { confirmFirst } from "../../components/dialog.js";
import { openForm } from "../../components/form.js";
import { Icon } from "../../components/icon.js";
import { Menu } from "../../components/menu.js";
import { Loaded } from "../../components/states.js";
import { attempt, toastError } from "../../components/toast.js";
import { Box, usualModel } from "./box.js";
import { MessageView } from "./message.js";
import { further, hasGoneOn, readTalk, wholeTalk } from "./talk.js";
import { saveChat } from "./written.js";
/** @import { Talk } from "./talk.js" */
/** @import { Message, Thread } from "../../types.js" */
/** @import { Live } from "../../answers.js" */

const DRAWN = 40;
const NEAR_END = 80;
const NEAR_BEGINNING = 200;
const LOOK_AGAIN_MS = 2500;

/** @param {{thread: Thread}} props */
function ThreadMenu({ thread }) {
  const path = `/v1/chat/threads/${thread.id}`;
  const rename = () => openForm({ title: "Rename the chat", action: "Rename", initial: { title: thread.title }, fields: [{ name: "title", label: "Title", required: true }], send: ({ title }) => api.patch(path, { title }) });
  const ask = () =>
    confirmFirst({
      title: `Delete ${thread.title}?`,
      text: html`The chat <b>${thread.title}</b> is deleted with all its messages. Tasks and files that came of it stay.`,
      action: "Delete chat",
      run: () => destroy(path, thread.title).then(() => navigate("/chat")),
    });
  const items = [
    { label: "Save as Markdown", icon: "download", run: () => attempt(() => saveChat(thread.id)) },
    ...(can("threads.update") ? [{ label: "Rename…", icon: "pencil", run: rename }] : []),
    ...(can("threads.delete") ? [{ label: "Delete…", icon: "trash", danger: true, run: ask }] : []),
  ];
  return html`<${Menu} label="Actions for this chat" items=${items} />`;
}

/**
 * Keeps in view what one reads: the end while one is there, else the same messages when earlier ones come above them.
 * @param {any} end changes as the end does
 * @param {string | undefined} first the first message that is drawn
 * @param {() => void} onBeginning called near the beginning
 */
function useReading(end, first, onBeginning) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const isAtEnd = useRef(true);
  const below = useRef(0);
  const scrollTo = (/** @type {number} */ fromEnd) => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight - fromEnd;
  };
  useLayoutEffect(() => {
    if (isAtEnd.current) scrollTo(0);
  }, [end]);
  useLayoutEffect(() => {
    if (!isAtEnd.current) scrollTo(below.current);
  }, [first]);
  const look = () => {
    const { scrollHeight, scrollTop, clientHeight } = /** @type {HTMLDivElement} */ (box.current);
    below.current = scrollHeight - scrollTop;
    isAtEnd.current = below.current - clientHeight < NEAR_END;
    return scrollTop < NEAR_BEGINNING && !isAtEnd.current;
  };
  const onScroll = () => void (look() && onBeginning());
  const toEarlier = () => (look(), onBeginning());
  return { box, onScroll, toEarlier };
}

/**
 * The end of a branch, which grows at both ends: by what is said, and by as many earlier messages as are asked for.
 * @param {Message[]} branch
 * @returns {{drawn: Message[], drawEarlier: () => void}}
 */
function useEndOf(branch) {
  const [begin] = useState(branch.at(-DRAWN)?.id ?? branch[0]?.id);
  const [earlier, setEarlier] = useState(0);
  const at = branch.findIndex(({ id }) => id === begin);
  const most = Math.max(0, at < 0 ? branch.length - DRAWN : at);
  const drawEarlier = () => setEarlier((before) => Math.min(before, most) + DRAWN);
  return { drawn: branch.slice(Math.max(0, most - earlier)), drawEarlier };
}

/** Follows the answer that is coming, whoever asked: along its stream, or where that is not ours by looking again. @param {string} id @param {boolean} streams @param {() => void} reload */
function useComingAnswer(id, streams, reload) {
  const live = liveAnswer(id);
  useEffect(() => {
    if (!streams) return void forget(id);
    /** @type {number | undefined} */
    let timer;
    let left = false;
    readAlong(id).then((found) => {
      if (!found && !left) timer = setInterval(reload, LOOK_AGAIN_MS);
    });
    return () => {
      left = true;
      clearInterval(timer);
    };
  }, [id, streams]);
  useEffect(() => {
    if (live?.state === "over") reload();
  }, [live?.state]);
  return live;
}

/** @param {{asked: string}} props what was said and is not stored yet; nothing where it is asked once more */
const Sending = ({ asked }) => html`<article class="chat-message is-user" aria-label="You">${asked && html`<div class="chat-bubble"><div class="chat-plain">${asked}</div></div>`}<p class="chat-note" role="status"><span class="pulse" aria-hidden="true"></span>Sending…</p></article>`;

/** @param {{id: string, talk: Talk, reload: () => void, readOn: () => void, unread: api.ApiError | null, mayWrite: boolean, children?: any}} props `unread`: why earlier messages could not be read */
function Talking({ id, talk, reload, readOn, unread, mayWrite, children }) {
  const { thread, messages } = talk;
  const branch = branchOf(messages, thread?.message_id ?? null);
  const { drawn, drawEarlier } = useEndOf(branch);
  const hasEarlier = drawn.length < branch.length || !talk.isWhole;
  const onEarlier = () => {
    if (!hasEarlier) return;
    drawEarlier();
    if (drawn.length + DRAWN > branch.length && !talk.isWhole) readOn();
  };
  const streams = branch.at(-1)?.status === "streaming";
  const live = useComingAnswer(id, streams, reload);
  const [model, setModel] = useState(branch.findLast((message) => message.model)?.model ?? usualModel());
  const { box, onScroll, toEarlier } = useReading(`${branch.at(-1)?.id} ${live?.text.length} ${live?.state} ${branch.at(-1)?.status}`, drawn[0]?.id, onEarlier);
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const [begun, setBegun] = useState(/** @type {string | null} */ (null));
  const asked = begun ?? (live?.state === "sending" ? live.asked : null);
  const isBusy = streams || asked !== null || Boolean(live && live.state !== "over");

  /** @param {string} threadId @param {string | null} parentId @param {any} content @param {string} asked @param {string | null} [last] the last message that the model is told before */
  const send = (threadId, parentId, content, asked, last = parentId) => {
    const before = wholeTalk(id, talk).then((all) => [...told(branchOf(all, last)), { role: "user", content }]);
    return ask({ threadId, parentId, model, messages: before, asked }, reload);
  };
  const onSend = async (/** @type {string} */ text, /** @type {any} */ content) => {
    if (id) {
      return send(id, branch.at(-1)?.id ?? null, content, text).catch(async (error) => {
        if (!(await hasGoneOn(id, messages.at(-1)))) throw error;
        reload();
      });
    }
    setBegun(text);
    const made = await api.post("/v1/chat/threads").finally(() => setBegun(null));
    const sent = send(made.id, null, content, text);
    if (place.value.path === "/chat") navigate(`/chat/${made.id}`, { replace: true });
    await sent.catch(async (error) => {
      if (!(error instanceof api.ApiError)) throw error;
      if (!(await hasGoneOn(made.id, undefined))) setRefusal(made.id, { text, error });
    });
  };
  const onStop = () => attempt(() => stop(id)).then(reload);
  useShortcuts(isBusy ? [{ keys: "Escape", label: "Stop the answer", run: onStop }] : []);
  /** Asks something once more; the box has the focus then, as after a question, since Esc stops the answer there. @type {typeof send} */
  const sendAgain = (...question) => (area.current?.focus({ preventScroll: true }), send(...question));
  const isTaken = (/** @type {Promise<unknown>} */ sent) => sent.then(() => true, (error) => (toastError(error), false));
  const doings = {
    onEdit: mayWrite && !isBusy ? (/** @type {Message} */ message, /** @type {string} */ text) => {
      const files = (message.content ?? []).filter((part) => part.type !== "text");
      return isTaken(sendAgain(id, message.parent_id, files.length ? [{ type: "text", text }, ...files] : text, text));
    } : null,
    onRetry: mayWrite && !isBusy ? (/** @type {Message} */ answer) => {
      const question = branch[branch.indexOf(answer) - 1];
      if (question) void isTaken(sendAgain(id, question.id, question.content ?? question.text, "", question.parent_id));
    } : null,
    onShow: (/** @type {string} */ shown) => void api.patch(`/v1/chat/threads/${id}`, { message_id: newestLeaf(messages, shown) }).catch(toastError).then(reload),
  };
  const title = thread?.title ?? (mayWrite ? "New chat" : "Chat");
  return html`<section class="chat-main" aria-label="Conversation">
    <div class="page-head chat-head">${children}<h1>${title}</h1>${thread && html`<${ThreadMenu} thread=${thread} />`}</div>
    <div class="chat-messages" ref=${box} onScroll=${onScroll} role="log" aria-label="Messages" aria-busy=${String(isBusy)} tabindex="0">
      ${!branch.length && !live && html`<div class="chat-welcome"><${Icon} icon="messages" /><p>${mayWrite ? html`Ask a model, or have <b>orchestrator</b>, the agent, do something: it works in the sandbox, with your files and your rights.` : "You may read chats, not write in them."}</p></div>`}
      ${hasEarlier && html`<div class="chat-earlier">${unread && html`<p class="chat-note is-failed" role="status"><${Icon} icon="alert-circle" />Earlier messages could not be read. ${unread.message}</p>`}<button type="button" class="btn btn-sm" onClick=${toEarlier}>${unread ? "Try again" : "Earlier messages"}</button></div>`}
      ${drawn.map((message) => html`<${MessageView} key=${message.id} message=${message} all=${messages} live=${message.status === "streaming" ? live : null} doings=${doings} />`)}
      ${asked !== null && !streams && html`<${Sending} asked=${asked} />`}
    </div>
    ${(mayWrite || thread) && html`<${Box} area=${area} thread=${id} model=${model} onModel=${setModel} isBusy=${isBusy} mayWrite=${mayWrite} onSend=${onSend} onStop=${onStop} />`}
  </section>`;
}

/** @param {{id: string, mayWrite: boolean, children?: any}} props */
export function Conversation({ id, mayWrite, children }) {
  const wanted = useRef(0);
  const talk = useResource(id, () => readTalk(id, wanted.current), (event) => event.data?.thread_id === id);
  const isReading = useRef(false);
  const readOn = async () => {
    if (!talk.data || isReading.current) return;
    wanted.current = further(talk.data);
    isReading.current = true;
    await talk.reload().finally(() => (isReading.current = false));
  };
  const unread = talk.data && wanted.current > talk.data.messages.length ? talk.error : null;
  useTitle(talk.data && (talk.data.thread?.title ?? (mayWrite ? "New chat" : "Chat")));
  if (talk.data) return html`<${Talking} id=${id} talk=${talk.data} reload=${talk.reload} readOn=${readOn} unread=${unread} mayWrite=${mayWrite}>${children}<//>`;
  return html`<section class="chat-main" aria-label="Conversation"><div class="page-head chat-head">${children}<h1>Chat</h1></div><div class="chat-messages"><${Loaded} of=${talk} what="the chat" rows=${6}>${() => null}<//></div></section>`;
}
