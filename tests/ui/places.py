"""Every page of the console by its address, with something to show at each, and the way from one to the next."""

import re
import uuid
from typing import Any

from playwright.sync_api import Page

from tests.conftest import LiveGateway
from tests.http.callers import Database, new_person
from tests.http.things import make, things_of
from ui.pages import SHELLS

LISTS = [rule for rule in (*SHELLS[1:], "/") if "<" not in rule and rule not in ("/docs", "/welcome", "/login")]
"""The pages that need no id, Home last, since one begins there."""

PARTS = [
    "/tasks?status=waiting",
    "/tasks/<uuid:prompt_id>",
    "/tasks/<uuid:nobody_id>",
    "/chat/<uuid:talk_id>",
    "/compare?left=<uuid:run_id>&right=<uuid:run_id>",
    "/runs/<uuid:parent_id>?part=below",
    "/runs/<uuid:parent_id>?part=transcript",
    "/access/why?action=tasks.read",
]
"""What else pages look like; each of SHELLS is one already."""

OPEN = """address => new Promise((resolve, reject) => {
  const main = () => document.getElementById("main");
  const began = performance.now();
  const path = address.split("?")[0];
  const isThere = () => location.pathname === path && main().querySelector("h1") && !main().querySelector(".loading");
  const done = () => resolve(performance.now() - began);
  const look = () => {
    if (isThere()) requestAnimationFrame(done);
    else if (performance.now() - began > 20_000) reject(new Error(`${address} did not open: ${location.pathname}`));
    else setTimeout(look, 4);
  };
  const link = Object.assign(document.createElement("a"), { href: address });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(look);
})"""


def go(page: Page, address: str) -> float:
    """Moves as a click on a link does, until all is there; returns how many milliseconds that took."""
    return float(page.evaluate(OPEN, address))


def things_to_show(gateway: LiveGateway, records: Database) -> dict[str, str]:
    """An id for each that an address names: `task_id` and so on."""
    name = f"seen-{uuid.uuid4().hex[:8]}"
    things = things_of(gateway, records, new_person(gateway, name), name)
    return {f"{room.removesuffix('s')}_id": id_ for room, id_ in things.items()} | _of_many_parts(gateway)


def filled_in(address: str, things: dict[str, str]) -> str:
    """The address of a thing for that of a page: KeyError for a page that nothing was made for."""
    return re.sub(r"<uuid:(\w+)>", lambda found: things[found[1]], address)


def _of_many_parts(gateway: LiveGateway) -> dict[str, str]:
    """A task that failed with colours in its log, a prompt, runs with transcripts, a chat, a schedule's history."""
    call = gateway.call
    script = (
        "printf '\\033[31mred\\033[0m \\033[1;34mblue\\033[0m\\n'; echo problem >&2; echo a,b > artifacts/t.csv; exit 2"
    )
    task = make(
        call, "tasks", script={"content": script}, tags=["axe"], acceptance_criteria=["one", "two"]
    )  # fmt: skip
    prompt = make(call, "tasks", prompt="# Title\n\n- a [link](https://example.com)\n\n`code`")
    call("POST", f"/v1/tasks/{prompt}/cancel").raise_for_status()
    session = make(call, "sessions", title="A session")
    make(call, f"sessions/{session}/sessions", title="One in it, of a title that is rather long")
    run = make(call, "runs", name="a tool", session_id=session, metadata={"a": 1})
    make(call, "runs", name="a part of it", parent_run_id=run)
    lines = {"entries": [{"message": f"line {n}\n"} for n in range(250)]}
    call("POST", f"/v1/runs/{run}/logs", json=lines).raise_for_status()
    told: list[tuple[str, Any]] = [
        ("summary", "# Done\n\nwith password: hunter2-Tr0ub4dor"),
        ("redacted", [{"role": "user"}]),
    ]
    for kind, content in told:
        segment = {"kind": kind, "content": content, "retention": {"days": 3}}
        call("POST", f"/v1/runs/{run}/transcript", json=segment).raise_for_status()
    talk = make(call, "chat/threads", title="A chat")
    said = (("user", "Hello with SECRET_REDACTED in it"), ("assistant", "# Yes\n\n```sh\nls -l\n```\n\n> so"))
    for role, text in said:
        make(call, f"chat/threads/{talk}/messages", role=role, text=text)
    schedule = make(
        call, "schedules", name="Nightly", cron="30 2 * * *", time_zone="Asia/Kathmandu",
        payload={"kind": "commands", "commands": ["false"]},
    )  # fmt: skip
    call("POST", f"/v1/schedules/{schedule}/skip_next").raise_for_status()
    fired = call("POST", f"/v1/schedules/{schedule}/run").raise_for_status().json()
    for id_ in (task, fired["task_id"]):
        gateway.wait(id_)
    return {
        "task_id": task, "prompt_id": prompt, "nobody_id": str(uuid.uuid4()), "session_id": session, "parent_id": run,
        "talk_id": talk, "schedule_id": schedule,
    }  # fmt: skip
