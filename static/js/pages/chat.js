/** Talking with models and the agent: the threads beside the one that is open. */
import { useState } from "preact/hooks";
import { html, cx } from "../html.js";
import { navigate, place } from "../router.js";
import { can } from "../session.js";
import { useShortcuts } from "../keys.js";
import { Icon } from "../components/icon.js";
import { Conversation } from "./chat/conversation.js";
import { Threads } from "./chat/threads.js";

/** @param {{id: string}} props the thread's; none for a new one */
export default function ChatPage({ id }) {
  const [open, setOpen] = useState(false);
  const mayWrite = can("threads.write") && can("models.use");
  const begin = () => (setOpen(false), navigate("/chat"));
  useShortcuts(mayWrite ? [{ keys: "c", label: "New chat", run: begin }] : []);
  return html`<div class="chat" onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Escape" && setOpen(false)}>
    <aside class=${cx("chat-side", open && "is-open")} id="chats" aria-label="Chats">
      ${mayWrite && html`<div class="chat-side-head">
        <a class="btn btn-sm" href="/chat" aria-current=${place.value.path === "/chat" ? "page" : null} onClick=${() => setOpen(false)}><${Icon} icon="plus" />New chat</a>
      </div>`}
      <${Threads} shown=${id} mayWrite=${mayWrite} onChoose=${() => setOpen(false)} />
    </aside>
    ${open && html`<div class="chat-shade" onClick=${() => setOpen(false)}></div>`}
    <${Conversation} key=${id} id=${id} mayWrite=${mayWrite}>
      <button type="button" class="btn btn-sm chat-list-button" aria-expanded=${String(open)} aria-controls="chats" onClick=${() => setOpen(!open)}><${Icon} icon="messages" />Chats</button>
    <//>
  </div>`;
}
