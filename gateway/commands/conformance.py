"""`app.py conformance`: the conformance lab over HTTP, as any other program on this machine would use the gateway."""

import os
from collections.abc import Callable, Collection

import httpx

from gateway.core.errors import Invalid, Unauthenticated
from gateway.features.conformance.clients import BY_ID, CLIENTS, Ask
from gateway.features.conformance.protocol import Answer, Wrong, model_list
from gateway.features.conformance.suite import run

MARKS = {"passed": "pass", "failed": "FAIL", "untested": "–   "}
DEFAULT_MODEL = "/v1/settings/chat.default_model"


def report(
    url: str,
    sign_in_code: Callable[[], str | None],
    names: Collection[str],
    model: str | None,
    say: Callable[[str], object],
) -> bool:
    """Tries every client, or those named, and says what came of it; True when no case failed.

    With GATEWAY_TOKEN set it is that token's user, else the owner. Raises Invalid, Unauthenticated.
    """
    unknown = set(names) - set(BY_ID)
    if unknown:
        raise Invalid(f"There is no client {', '.join(sorted(unknown))}; there are {', '.join(BY_ID)}.")
    failed = 0
    with httpx.Client(base_url=url, trust_env=False, timeout=httpx.Timeout(30, read=600)) as http:
        headers = _identity(http, sign_in_code)

        def send(asked: Ask) -> Answer:
            got = http.request(asked.method, asked.path, json=asked.body, headers={**asked.headers, **headers})
            return Answer(got.status_code, dict(got.headers), got.content)

        tried = model or _default_model(send)
        say(f"Model: {tried or 'none answers here'}")
        for client in CLIENTS:
            if names and client.id not in names:
                continue
            say(f"\n{client.name}")
            for result in run(client, send, tried):
                failed += result.verdict == "failed"
                took = f"{result.duration_ms} ms" if result.verdict != "untested" else ""
                say(f"  {MARKS[result.verdict]}  {result.case.name}  {took}".rstrip())
                if result.reason:
                    say(f"        {result.reason}")
    say(f"\n{failed} failed." if failed else "\nNothing failed.")
    return not failed


def _identity(http: httpx.Client, sign_in_code: Callable[[], str | None]) -> dict[str, str]:
    if token := os.environ.get("GATEWAY_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    answer = http.post("/v1/auth/session", json={"code": sign_in_code()})
    if not answer.is_success:
        raise Unauthenticated("Nobody could be signed in; set GATEWAY_TOKEN to an API token.")
    return {"X-CSRF-Token": answer.json()["csrf_token"]}  # the cookie stays with `http`


def _default_model(send: Callable[[Ask], Answer]) -> str | None:
    """The model that prompts get by default, if it is there and may be seen; else the first of the list."""
    try:
        listed = [name for name in model_list(send(Ask("GET", "/v1/models"))) if "/" in name]
    except Wrong:
        return None  # the cases that ask for the list say what is wrong with it
    set_to = send(Ask("GET", DEFAULT_MODEL))
    wanted = set_to.json["value"] if set_to.status == 200 else None
    return wanted if wanted in listed else next(iter(listed), None)
