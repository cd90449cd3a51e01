/** The list of threads: searched by title and by what was said, newest first. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { place, withQuery } from "../../router.js";
import { remaining } from "../../going.js";
import { about, useResource } from "../../resource.js";
import { Ago } from "../../components/clock.js";
import { Icon } from "../../components/icon.js";
import { SearchField } from "../../components/search-field.js";
import { Empty, Loaded } from "../../components/states.js";
/** @import { Hit, Page, Thread } from "../../types.js" */

const PAGE = 50;
const HITS = 20;

/** @param {string | null} q @param {string | null} cursor @returns {Promise<{threads: Page<Thread>, hits: Hit[]}>} */
async function read(q, cursor) {
  const [threads, hits] = await Promise.all([
    api.get("/v1/chat/threads", { q, cursor, limit: PAGE }),
    q && !cursor ? api.get("/v1/chat/messages", { q, limit: HITS }) : { items: [] },
  ]);
  return { threads, hits: hits.items };
}

/** The address of a thread; the list beside it stays as it is. @param {string} id */
function addressOf(id) {
  const [q, cursor] = ["q", "cursor"].map((name) => place.value.query.get(name));
  return `/chat/${id}${api.queryString({ q, cursor })}`;
}

/** @param {{text: string}} props the words that were looked for stand between « and » */
const Snippet = ({ text }) => html`${text.split(/[«»]/).map((part, index) => (index % 2 ? html`<mark>${part}</mark>` : part))}`;

/** @param {{shown: string, mayWrite: boolean, onChoose: () => void}} props */
export function Threads({ shown, mayWrite, onChoose }) {
  const [q, cursor] = ["q", "cursor"].map((name) => place.value.query.get(name));
  const list = useResource(`${q} ${cursor}`, () => read(q, cursor), about("thread."));
  return html`<${SearchField} label="Search chats" />
    <nav class="chat-list" aria-label="Threads">
      <${Loaded} of=${list} what="the chats" rows=${6}>
        ${(/** @type {{threads: Page<Thread>, hits: Hit[]}} */ { threads, hits }) => html`
          ${!remaining(threads.items).length && !hits.length && html`<${Empty} title=${q ? "No chat matches" : "No chats yet"}>${q ? "Titles and what was said were searched." : mayWrite ? "What you write is kept here, also what other programs ask." : "Those that you may read are listed here."}<//>`}
          <ul>${remaining(threads.items).map(
            (thread) => html`<li key=${thread.id}><a href=${addressOf(thread.id)} aria-current=${thread.id === shown ? "page" : null} title=${thread.title} onClick=${onChoose}>
              <span class="chat-list-title">${thread.title}</span><span class="quiet chat-list-time"><${Ago} at=${thread.last_activity_at} /></span></a></li>`,
          )}</ul>
          ${hits.length > 0 && html`<h2 class="chat-list-head">In messages</h2>
            <ul>${hits.map((hit) => html`<li key=${hit.id}><a class="chat-hit" href=${addressOf(hit.thread_id)} onClick=${onChoose}><span class="chat-list-title">${hit.title}</span><span class="quiet chat-snippet"><${Snippet} text=${hit.snippet} /></span></a></li>`)}</ul>`}
          ${cursor && html`<a class="btn btn-sm" href=${withQuery({ cursor: null })}><${Icon} icon="chevrons-left" />Newest</a>`}
          ${threads.next_cursor && html`<a class="btn btn-sm" href=${withQuery({ cursor: threads.next_cursor })}>Older<${Icon} icon="chevron-right" /></a>`}`}
      <//>
    </nav>`;
}
