/** A component that is drawn again only when its properties changed. */
import { Component, h } from "preact";

/**
 * @template P
 * @param {(props: P) => any} component
 * @param {(before: P, after: P) => boolean} same
 * @returns {any}
 */
export function memo(component, same) {
  return class extends Component {
    /** @param {any} next */
    shouldComponentUpdate(next) {
      return !same(/** @type {any} */ (this.props), next);
    }
    render() {
      return h(/** @type {any} */ (component), /** @type {any} */ (this.props));
    }
  };
}
