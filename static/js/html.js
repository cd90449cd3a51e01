/** The one way pages make elements: `html` templates over Preact. Text in them is always text, never markup. */
import { h } from "preact";
import htm from "htm";
import "@preact/signals";

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);

/**
 * Joins the class names that are given.
 * @param {...(string | false | null | undefined)} names
 */
export const cx = (...names) => names.filter(Boolean).join(" ");
