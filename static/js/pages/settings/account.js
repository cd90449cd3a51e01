/** One's own sign-in: name, password, sessions, API tokens. */
import { html } from "../../html.js";
import * as api from "../../api.js";
import { can, loadSession, session } from "../../session.js";
import { useFurther } from "../../endless.js";
import { about } from "../../resource.js";
import { actions } from "../../components/choices.js";
import { confirmFirst } from "../../components/dialog.js";
import { Form, openForm } from "../../components/form.js";
import { List, menuColumn, rowMenu } from "../../components/list.js";
import { showSecret } from "../../components/secret.js";
import { SESSION_COLUMNS, TOKEN_COLUMNS } from "../../components/sign-ins.js";
import { Section } from "../../components/section.js";
import { Empty } from "../../components/states.js";
import { attempt, toast } from "../../components/toast.js";
/** @import { LoginSession, Page, Token } from "../../types.js" */
/** @import { Field } from "../../components/input.js" */

const DAY_MS = 86_400_000;
const A_PAGE = 200;
const LIVES = [
  { value: "", label: "never" },
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
];

/** @type {Field[]} */
const PROFILE = [
  { name: "display_name", label: "What to call you", required: true, autocomplete: "name" },
  { name: "time_zone", label: "Time zone", options: Intl.supportedValuesOf("timeZone").map((zone) => ({ value: zone, label: zone })), placeholder: Intl.DateTimeFormat().resolvedOptions().timeZone, hint: "For what is planned by the clock; without one, the system’s." },
];

function Profile() {
  const user = session.value?.user;
  return html`<${Section} title="You" about=${html`You sign in as <b>${user?.handle}</b>.`}>
    <div class="card form-card"><${Form} action="Save" initial=${{ ...user }} fields=${PROFILE}
      send=${(/** @type {any} */ values) => api.patch("/v1/users/me", { ...values, time_zone: values.time_zone || null })} done=${() => (loadSession(), toast("Saved"))} /></div>
  <//>`;
}

function Password() {
  const hasOne = session.value?.user.has_password;
  /** @type {Field[]} */
  const fields = [
    ...(hasOne ? [/** @type {Field} */ ({ name: "current_password", label: "Present password", kind: "password", required: true, autocomplete: "current-password" })] : []),
    { name: "new_password", label: "New password", kind: "password", required: true, minlength: 8, autocomplete: "new-password", hint: "8 characters or more. Other sessions are ended." },
  ];
  return html`<${Section} title="Password" about=${hasOne ? "For signing in from a browser." : "You have none: you sign in by the window or a one-time code."}>
    <div class="card form-card"><${Form} key=${hasOne} action=${hasOne ? "Change password" : "Set password"} fields=${fields}
      send=${(/** @type {any} */ values) => api.post("/v1/users/me/password", values)} done=${() => (loadSession(), toast("Password changed"))} /></div>
  <//>`;
}

function Sessions() {
  const list = useFurther("/v1/users/me/sessions", about("session."));
  const hasOthers = list.data?.items.some((one) => !one.current);
  const end = (/** @type {LoginSession} */ one) => attempt(() => api.remove(`/v1/users/me/sessions/${one.id}`), "Session ended").then(list.reload);
  const endOthers = () =>
    confirmFirst({
      title: "End all other sessions?",
      text: "Every browser and program that is signed in as you, but this one, has to sign in again.",
      action: "End other sessions",
      run: async () => {
        for (let cursor = null, isRead = false; cursor || !isRead; isRead = true) {
          /** @type {Page<LoginSession>} */
          const page = await api.get("/v1/users/me/sessions", { limit: A_PAGE, cursor });
          for (const one of page.items.filter(({ current }) => !current)) await api.remove(`/v1/users/me/sessions/${one.id}`);
          cursor = page.next_cursor;
        }
        toast("Other sessions ended");
        list.reload();
      },
    });
  const columns = [
    ...SESSION_COLUMNS,
    { head: "", class: "cell-actions", cell: (/** @type {LoginSession} */ one) => !one.current && html`<button type="button" class="btn btn-sm" onClick=${() => end(one)}>End</button>` },
  ];
  return html`<${Section} title="Sessions" about="Where you are signed in.">
    <${List} of=${list} what="your sessions" columns=${columns} empty=${null} />
    ${hasOthers && html`<div class="section-foot"><button type="button" class="btn btn-sm" onClick=${endOthers}>End all other sessions</button></div>`}
  <//>`;
}

/** @param {() => void} done */
const addToken = (done) =>
  openForm({
    title: "New API token",
    action: "Create token",
    initial: { days: "90" },
    fields: [
      { name: "name", label: "Name", required: true, placeholder: "laptop script" },
      { name: "scopes", label: "Scopes", kind: "words", options: actions, placeholder: "tasks.*", hint: "What the token may do of what you may do; none means all of it." },
      { name: "days", label: "Expires", kind: "select", options: LIVES },
    ],
    send: ({ name, scopes, days }) => api.post("/v1/tokens", { name, scopes: scopes.length ? scopes : null, expires_at: days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : null }),
    done: (token) => {
      done();
      showSecret({ title: `Token ${token.name}`, what: "Token", secret: token.token });
    },
  });

function Tokens() {
  const list = useFurther("/v1/tokens", about("token."));
  const revoke = (/** @type {Token} */ token) =>
    confirmFirst({
      title: `Revoke ${token.name}?`,
      text: html`Programs that use the token <b>${token.name}</b> (<code>${token.prefix}…</code>) are refused from now on.`,
      action: "Revoke token",
      run: () => api.remove(`/v1/tokens/${token.id}`).then(() => (toast(`${token.name} revoked`), list.reload())),
    });
  const columns = [
    ...TOKEN_COLUMNS,
    menuColumn((/** @type {Token} */ token) => rowMenu(token.name, [{ label: "Revoke…", icon: "trash", danger: true, run: () => revoke(token) }])),
  ];
  return html`<${Section} title="API tokens" about="For scripts and other programs that act as you." add=${can("self.create_token") && "New token"} onAdd=${() => addToken(list.reload)}>
    <${List} of=${list} what="your tokens" columns=${columns} empty=${html`<${Empty} title="No tokens yet">A script signs in with one: <code>Authorization: Bearer …</code><//>`} />
  <//>`;
}

export const Account = () => html`<div class="sections"><div class="section-pair"><${Profile} /><${Password} /></div><${Sessions} /><${Tokens} /></div>`;
