/** What can be done with a session: make, rename, put elsewhere, delete. */
import { html } from "../html.js";
import * as api from "../api.js";
import { oneProject, oneSession } from "../components/choices.js";
import { confirmFirst } from "../components/dialog.js";
import { openForm } from "../components/form.js";
import { attempt, toast } from "../components/toast.js";
/** @import { WorkSession } from "../types.js" */

/**
 * @param {WorkSession | null} session none: a new one
 * @param {() => void} done
 * @param {WorkSession | null} [parent] of a new one
 */
export const editSession = (session, done, parent = null) =>
  openForm({
    title: session ? `Edit ${session.title}` : parent ? `New session in ${parent.title}` : "New session",
    action: session ? "Save" : "Create session",
    initial: session ?? (parent ? { parent_session_id: parent.id, project_id: parent.project_id } : {}),
    fields: [
      { name: "title", label: "Title", required: true },
      { name: "parent_session_id", label: "Lies in", ...oneSession, hint: "Nothing: at the top." },
      { name: "project_id", label: "Project", ...oneProject },
    ],
    send: ({ title, parent_session_id: above, project_id: project }, over) => {
      const body = { title, parent_session_id: above || null, ...(project ? { project_id: project } : {}) };
      return session ? api.patch(`/v1/sessions/${session.id}`, body, over ? undefined : session.version) : api.post("/v1/sessions", body);
    },
    done,
  });

/** @param {WorkSession} session @param {() => void} done */
export const closeSession = (session, done) =>
  confirmFirst({
    title: `Close ${session.title}?`,
    text: html`The session <b>${session.title}</b> and all sessions in it take in no new work. What is at work in them goes on.`,
    action: "Close session",
    run: () => api.post(`/v1/sessions/${session.id}/close`).then(() => (toast(`${session.title} closed`), done())),
  });

/** @param {WorkSession} session @param {() => void} done */
export const reopenSession = async (session, done) => {
  if (await attempt(() => api.post(`/v1/sessions/${session.id}/reopen`))) done();
};

/** What can be done with it from a menu. @param {WorkSession} session @param {() => void} done */
export const closing = (session, done) =>
  session.status === "open"
    ? { label: "Close…", icon: "lock", run: () => closeSession(session, done) }
    : { label: "Open again", icon: "lock-open", run: () => void reopenSession(session, done) };

/** @param {WorkSession} session @param {() => void} done */
export const destroySession = (session, done) =>
  confirmFirst({
    title: `Delete ${session.title}?`,
    text: html`The session <b>${session.title}</b> is deleted with its transcript. It stays while anything lies in it.`,
    action: "Delete session",
    run: () => api.remove(`/v1/sessions/${session.id}`).then(() => (toast(`${session.title} deleted`), done())),
  });
