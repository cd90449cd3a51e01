/** Signing in: with a password, or with the one-time code that the gateway printed. In the window it needs neither. */
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import { ApiError } from "../api.js";
import { place } from "../router.js";
import { loadSession, safeNext, signIn, signInNatively } from "../session.js";
import { Problem } from "../components/problem.js";
import { Loading } from "../components/states.js";

const base = document.getElementById("app")?.dataset.base ?? "";
const goOn = () => location.replace(safeNext(place.value.query.get("next")));

/** @param {{way: "password" | "code"}} props */
function Fields({ way }) {
  useLayoutEffect(() => document.getElementById(way)?.focus(), [way]);
  if (way === "code") {
    return html`<label class="form-label" for="code">One-time code</label>
      <input id="code" name="code" class="form-control is-code" autocomplete="one-time-code" spellcheck=${false} required />
      <p class="form-hint">It works once. Whoever made your account hands you one; the owner's is printed by <code>python app.py user sign-in-code owner</code>.</p>`;
  }
  return html`<label class="form-label" for="handle">Name</label>
    <input id="handle" name="handle" class="form-control" autocomplete="username" autocapitalize="none" spellcheck=${false} defaultValue="owner" required />
    <label class="form-label" for="password">Password</label>
    <input id="password" name="password" type="password" class="form-control" autocomplete="current-password" required />`;
}

export default function LoginPage() {
  const [way, setWay] = useState(/** @type {"password" | "code"} */ ("password"));
  const [state, setState] = useState(/** @type {"asking" | "ready" | "busy"} */ ("asking"));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const take = (/** @type {unknown} */ problem) => {
    if (!(problem instanceof ApiError)) throw problem;
    setError(problem);
    setState("ready");
  };
  useEffect(() => {
    const enter = async () => ((await loadSession()) ?? (await signInNatively()) ? goOn() : setState("ready"));
    enter().catch(take);
  }, []);
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    setState("busy");
    setError(null);
    try {
      await signIn(/** @type {any} */ (fields));
      goOn();
    } catch (problem) {
      take(problem);
    }
  };
  if (state === "asking") return html`<div class="entrance"><${Loading} what="the sign-in" rows=${2} /></div>`;
  return html`<div class="entrance">
    <img src=${`${base}/img/favicon.svg`} alt="" width="40" height="40" />
    <h1>Sign in</h1>
    <form class="card" onSubmit=${submit}>
      ${error && html`<${Problem} error=${error} />`}
      <${Fields} key=${way} way=${way} />
      <button type="submit" class="btn btn-primary" disabled=${state === "busy"}>Sign in</button>
    </form>
    <button type="button" class="link" onClick=${() => (setWay(way === "code" ? "password" : "code"), setError(null))}>${way === "code" ? "Use a password" : "Use a one-time code"}</button>
  </div>`;
}
