/** Icons out of the sprite that the asset build makes from the names written here and there as icon="…". */
import { html, cx } from "../html.js";

const base = document.getElementById("app")?.dataset.base ?? "";

/** Decoration only: the words beside it, or the button's label, say what it means. @param {{icon: string, class?: string}} props */
export const Icon = ({ icon, class: name }) => html`<svg class=${cx("icon", name)} aria-hidden="true"><use href=${`${base}/vendor/icons.svg#${icon}`} /></svg>`;

/**
 * A button that is only an icon; its label is read out and shown on hover.
 * @param {{icon: string, label: string, onClick?: (event: MouseEvent) => void, pressed?: boolean, opens?: boolean, disabled?: boolean, class?: string}} props
 *   `opens`: a menu, which is open or not; `disabled`: it keeps the focus, which else would go on to what does something else
 */
export const IconButton = ({ icon, label, onClick, pressed, opens, disabled, class: name }) => html`<button
  type="button"
  class=${cx("icon-button", name)}
  aria-label=${label}
  title=${label}
  aria-pressed=${pressed === undefined ? null : String(pressed)}
  aria-haspopup=${opens === undefined ? null : "menu"}
  aria-expanded=${opens === undefined ? null : String(opens)}
  aria-disabled=${disabled ? "true" : null}
  onClick=${disabled ? null : onClick}
>
  <${Icon} icon=${icon} />
</button>`;
