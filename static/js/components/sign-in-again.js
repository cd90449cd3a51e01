/** Signing in over a page in which something is written and not sent, whose sign-in has ended. */
import { html } from "../html.js";
import { reconnect } from "../live.js";
import { session, signIn, toLogin } from "../session.js";
import { Dialog } from "./dialog.js";
import { Form } from "./form.js";
/** @import { Field } from "./input.js" */

export function SignInAgain() {
  const user = session.value?.user;
  /** @type {Field} */
  const field = user?.has_password
    ? { name: "password", label: "Password", kind: "password", required: true, autocomplete: "current-password" }
    : { name: "code", label: "One-time code", required: true, code: true, autocomplete: "one-time-code" };
  const send = (/** @type {any} */ given) => signIn(user?.has_password ? { ...given, handle: user.handle } : given);
  return html`<${Dialog} title="Sign in again" onClose=${toLogin} warning="What you have written is lost with the page.">
    <${Form} fields=${[field]} action="Sign in" send=${send} done=${reconnect} isQuestion>
      <p>Your sign-in as <b>${user?.handle}</b> has ended. What you have written is still here.</p>
    <//>
  <//>`;
}
