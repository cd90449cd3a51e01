/** An address that no page has. */
import { html } from "../html.js";
import { Icon } from "../components/icon.js";

export default function NowherePage() {
  return html`<div class="state" role="alert"><${Icon} icon="zoom-question" /><h1 class="state-title">There is no page at this address</h1>
    <p class="state-text">It may be mistyped, or come from another release. Go <a href="/">Home</a>, or press <kbd>Ctrl</kbd>+<kbd>K</kbd> to search pages, actions and recent things.</p></div>`;
}
