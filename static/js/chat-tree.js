/** The messages of a thread as the tree that they are: branches, what stands beside what, what a model is told. */
/** @import { Message } from "./types.js" */

/** The messages from the first to one of them. @param {Message[]} messages @param {string | null} leafId */
export function branchOf(messages, leafId) {
  const byId = new Map(messages.map((message) => [message.id, message]));
  /** @type {Message[]} */
  const branch = [];
  for (let at = byId.get(leafId ?? ""); at; at = byId.get(at.parent_id ?? "")) branch.unshift(at);
  return branch;
}

/** The messages that stand for one another, oldest first. @param {Message[]} messages @param {Message} message */
export const siblingsOf = (messages, message) => messages.filter((other) => other.parent_id === message.parent_id && other.role === message.role);

/** The end of the newest branch below a message. @param {Message[]} messages @param {string} id */
export function newestLeaf(messages, id) {
  let leaf = id;
  for (;;) {
    const next = messages.findLast((message) => message.parent_id === leaf);
    if (!next) return leaf;
    leaf = next.id;
  }
}

/** What a model is told of a branch; answers that never came, and what clients' tools said, are left out. @param {Message[]} branch */
export const told = (branch) =>
  branch
    .filter(({ role, text, content }) => role !== "tool" && (text || (role === "user" && content)))
    .map(({ role, text, content }) => ({ role, content: role === "user" && content ? content : text }));

/** The files that a message names. @param {Message} message @returns {{id: string, filename: string}[]} */
export const filesOf = ({ content }) =>
  (content ?? []).filter((part) => part.type === "file" && part.file?.file_id).map(({ file }) => ({ id: file.file_id, filename: file.filename ?? "file" }));

/** The pictures that came with a message itself, not by name. @param {Message} message @returns {string[]} */
export const picturesOf = ({ content }) =>
  (content ?? []).map((part) => (part.type === "image_url" ? String(part.image_url?.url ?? "") : "")).filter((url) => /^data:image\/(png|jpeg|gif|webp);base64,/.test(url));

/** The calls of tools that an answer consists of. @param {Message} message @returns {{name: string, arguments: string}[]} */
export const callsOf = ({ role, content }) =>
  role !== "assistant" ? [] : (content ?? []).filter((part) => part.type === "tool_call").map((part) => ({ name: part.function?.name ?? "", arguments: part.function?.arguments ?? "" }));
