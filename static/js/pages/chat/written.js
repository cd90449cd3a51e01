/** A chat as a Markdown file: the branch that is shown, from its first word to its last. */
import { branchOf, callsOf, filesOf } from "../../chat-tree.js";
import { saveFile } from "../../save-file.js";
import { readTalk } from "./talk.js";
/** @import { Message } from "../../types.js" */

/** @type {Record<string, string>} */
const WHO = { user: "You", system: "Instructions", developer: "Instructions", tool: "Tool" };
const HOW_IT_ENDED = { complete: "", streaming: "*The answer is still being written.*", cut: "*The answer was cut off here.*", failed: "*No answer came.*" };

/** As a block of code, whatever is in it. @param {string} text @param {string} language */
function fenced(text, language) {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

/** @param {Message} message */
function written(message) {
  const who = message.source ? `From ${message.source}` : (WHO[message.role] ?? message.model ?? "Answer");
  const calls = callsOf(message).map((call) => `Call of \`${call.name}\`:\n\n${fenced(call.arguments, "json")}`);
  const files = filesOf(message).map(({ filename }) => `- File: ${filename}`);
  const parts = [message.text, ...calls, files.join("\n"), HOW_IT_ENDED[message.status]];
  return [`## ${who} · ${message.created_at}`, ...parts.filter(Boolean)].join("\n\n");
}

/** Reads a chat as it is now, and saves it. @param {string} id */
export async function saveChat(id) {
  const { thread, messages } = await readTalk(id, Infinity);
  if (!thread) return;
  const parts = [`# ${thread.title}`, ...branchOf(messages, thread.message_id).map(written)];
  const name = thread.title.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "chat";
  saveFile(`${name}.md`, parts.map((part) => `${part}\n\n`), "text/markdown");
}
