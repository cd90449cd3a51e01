/** What was said in a thread, read from its end back as far as it is wanted: threads may have thousands of messages. */
import * as api from "../../api.js";
/** @import { Message, Thread } from "../../types.js" */

const PAGE = 200;

/** @typedef {{thread: Thread | null, messages: Message[], isWhole: boolean}} Talk messages of all branches, oldest first; whether the thread begins with them */

/**
 * A thread with its newest messages, back to where the shown branch ends at least; nothing where it is still to be begun.
 * @param {string} id
 * @param {number} [atLeast] how many of them are wanted
 * @returns {Promise<Talk>}
 */
export async function readTalk(id, atLeast = PAGE) {
  if (!id) return { thread: null, messages: [], isWhole: true };
  const thread = await api.get(`/v1/chat/threads/${id}`);
  /** @type {Message[]} */
  let messages = [];
  let cursor = null;
  let isShown = !thread.message_id;
  do {
    const page = await api.get(`/v1/chat/threads/${id}/messages`, { limit: PAGE, sort: "-created_at", cursor });
    messages = [...page.items.reverse(), ...messages];
    isShown ||= messages.some((message) => message.id === thread.message_id);
    cursor = page.next_cursor;
  } while (cursor && (messages.length < atLeast || !isShown));
  return { thread, messages, isWhole: !cursor };
}

/** All that was said before, for a model to be told. @param {string} id @param {Talk} talk @returns {Promise<Message[]>} */
export const wholeTalk = async (id, talk) => (talk.isWhole ? talk.messages : (await readTalk(id, Infinity)).messages);

/** One more page than a talk has. @param {Talk} talk */
export const further = (talk) => talk.messages.length + PAGE;

/** Whether a thread has gone on since; what was refused after it was stored is to be seen there. @param {string} id @param {Message | undefined} newest */
export const hasGoneOn = (id, newest) =>
  readTalk(id, 1).then(
    ({ messages }) => messages.at(-1)?.id !== newest?.id,
    () => false,
  );
