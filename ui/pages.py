"""The console's page shells and static files. Shells carry no data: the pages fetch it from the public API."""

import hashlib
import secrets
from pathlib import Path

from flask import Blueprint, Response, abort, make_response, render_template, send_from_directory

from ui.guide import add_guide
from ui.modules import needed

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
YEAR_S = 365 * 24 * 3600

# Bare module names to files of static/vendor; the same list is in jsconfig.json for the type checker.
IMPORTS = {
    "preact": "vendor/preact.js",
    "preact/hooks": "vendor/preact-hooks.js",
    "@preact/signals-core": "vendor/signals-core.js",
    "@preact/signals": "vendor/signals.js",
    "htm": "vendor/htm.js",
    "marked": "vendor/marked.js",
    "dompurify": "vendor/dompurify.js",
    "uplot": "vendor/uplot.js",
}


# The addresses of pages; static/js/routes.js says what is shown at each.
SHELLS = (
    "/",
    "/chat",
    "/chat/<uuid:thread_id>",
    "/tasks",
    "/tasks/new",
    "/tasks/<uuid:task_id>",
    "/schedules",
    "/schedules/calendar",
    "/schedules/queue",
    "/schedules/<uuid:schedule_id>",
    "/compare",
    "/sessions",
    "/sessions/<uuid:session_id>",
    "/runs",
    "/runs/<uuid:run_id>",
    "/artifacts",
    "/messaging",
    "/messaging/subscriptions",
    "/messaging/deliveries",
    "/messaging/hooks",
    "/messaging/hooks/<uuid:hook_id>",
    "/connectors",
    "/connectors/pending",
    "/connectors/catalog",
    "/connectors/<uuid:connector_id>",
    "/projects",
    "/models",
    "/models/conformance",
    "/nodes",
    "/credentials",
    "/preferences",
    "/preferences/effective",
    "/access",
    "/access/users",
    "/access/groups",
    "/access/roles",
    "/access/bindings",
    "/access/rules",
    "/access/why",
    "/audit",
    "/settings",
    "/settings/account",
    "/settings/desktop",
    "/settings/gateway",
    "/settings/limits",
    "/settings/retention",
    "/settings/backup",
    "/settings/recovery",
    "/settings/model",
    "/settings/sandbox",
    "/settings/updates",
    "/settings/capabilities",
    "/api",
    "/docs",
    "/welcome",
    "/login",
)


def assets_version() -> str:
    """A short hash over every static file, so that an address with it in can be cached for ever."""
    digest = hashlib.sha256()
    for path in sorted(p for p in STATIC.rglob("*") if p.is_file()):
        digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


NO_DEVICES = ", ".join(
    f"{name}=()"
    for name in ("camera", "microphone", "display-capture", "geolocation", "usb", "serial", "hid", "midi", "payment")
)
"""What no page of ours ever asks for (Permissions Policy, W3C): the window would grant some of it unasked."""


def content_security_policy(nonce: str) -> str:
    """Own files only, and the inline scripts that carry the nonce."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "frame-src blob:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def blueprint() -> Blueprint:
    """The console as one blueprint named `ui`; every route of it is public and holds no user data."""
    pages = Blueprint("ui", __name__, template_folder=str(ROOT / "templates"))
    version = assets_version()
    modules = needed(STATIC, IMPORTS)

    def shell(**_: object) -> Response:
        nonce = secrets.token_urlsafe(16)
        base = f"/assets/{version}"
        imports = {name: f"{base}/{path}" for name, path in IMPORTS.items()}
        response = make_response(
            render_template("console.html", base=base, nonce=nonce, import_map={"imports": imports}, modules=modules)
        )
        response.headers["Content-Security-Policy"] = content_security_policy(nonce)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = NO_DEVICES
        return response

    for rule in SHELLS:
        pages.add_url_rule(rule, "shell", shell)
    add_guide(pages)

    @pages.get("/assets/<asset_version>/<path:filename>")
    def assets(asset_version: str, filename: str) -> Response:
        if asset_version != version:
            abort(404)
        response = send_from_directory(STATIC, filename, max_age=YEAR_S)
        response.cache_control.immutable = True
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return pages
