/** The interactive API reference of the served OpenAPI document, signed in as the user. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { csrfHeaders } from "../api.js";
import { theme } from "../theme.js";
import { Empty, Loading } from "../components/states.js";

const base = document.getElementById("app")?.dataset.base ?? "";

/** The renderer is a classic script with a global of its own. @returns {Promise<any>} */
function loadScalar() {
  const host = /** @type {any} */ (window);
  return new Promise((resolve, reject) => {
    if (host.Scalar) return resolve(host.Scalar);
    const script = document.createElement("script");
    script.src = `${base}/vendor/scalar.js`;
    script.onload = () => resolve(host.Scalar);
    script.onerror = () => reject(new Error("The API reference could not be loaded."));
    document.head.append(script);
  });
}

export default function ApiReferencePage() {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [state, setState] = useState(/** @type {"loading" | "shown" | "failed"} */ ("loading"));
  useEffect(() => {
    const show = (/** @type {any} */ scalar) => {
      scalar.createApiReference(box.current, {
        url: "/openapi.json",
        withDefaultFonts: false,
        telemetry: false,
        hideClientButton: true,
        hideDarkModeToggle: true,
        showDeveloperTools: "never",
        agent: { disabled: true },
        mcp: { disabled: true },
        forceDarkModeState: theme.value,
        documentDownloadType: "direct",
        onBeforeRequest: (/** @type {{request: Request}} */ { request }) => {
          for (const [name, value] of Object.entries(csrfHeaders())) request.headers.set(name, value);
        },
      });
      setState("shown");
    };
    loadScalar().then(show, () => setState("failed"));
  }, []);
  return html`<h1 class="visually-hidden">API</h1>
    ${state === "loading" && html`<${Loading} what="the API reference" rows=${6} />`}
    ${state === "failed" && html`<${Empty} title="The API reference could not be loaded">The document itself is at <a href="/openapi.json">/openapi.json</a>.<//>`}
    <div class="reference" ref=${box}></div>`;
}
