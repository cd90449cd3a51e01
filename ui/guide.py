"""The user's guide: a site that was built of docs/, served as it is, for anyone and without any other server."""

from pathlib import Path

from flask import Blueprint, Response, abort, redirect, send_from_directory
from flask.typing import ResponseReturnValue

GUIDE = Path(__file__).resolve().parent.parent / "guide"


def content_security_policy(inline_scripts: str) -> str:
    """Own files only, and the scripts within pages that were there when the site was built."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {inline_scripts}".strip(),
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def add_guide(pages: Blueprint) -> None:
    """Adds the guide's addresses to the console's; where it was not built, they answer 404."""
    built = GUIDE / "inline-scripts.txt"
    policy = content_security_policy(" ".join(built.read_text("utf-8").split()) if built.is_file() else "")

    @pages.get("/docs/guide")
    def guide_home() -> ResponseReturnValue:
        return redirect("/docs/guide/")

    @pages.get("/docs/guide/")
    def guide_start() -> Response:
        return guide("index.html")

    @pages.get("/docs/guide/<path:filename>")
    def guide(filename: str) -> Response:
        if not built.is_file():
            abort(404)
        response = send_from_directory(GUIDE, filename)
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response
