"""`make pictures`: takes the pictures of the documentation anew, from a gateway that has been used for a while.

Tasks, schedules and the agent's work are real but for their age and for what the agent's model says.
"""

import random
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.agents.scripted_model import call, scripted, setting
from tests.conftest import LiveGateway
from tests.docs.pages import ROOT
from tests.execution.conftest import another_node
from tests.http.callers import Database, database_of
from tests.http.things import make

FOLDER = ROOT / "docs" / "img"

DONE = ("merge-csv-exports", "convert-invoices-to-pdf", "resize-photos", "summarise-the-mail", "back-up-notes")
NIGHTLY = {
    "Back up notes": ("15 2 * * *", 1),
    "Summary of the mail": ("30 7 * * 1-5", 1),
    "Check the links of the site": ("0 12 * * *", 1),
    "Weekly report": ("0 17 * * 5", 7),
    "Photos of the month": ("0 9 1 * *", 30),
}
"""Schedules by name: their cron expressions, and about how many days lie between two times."""

A_TASK = """
INSERT INTO tasks (id, owner_id, project_id, name, kind, status, summary, commands, continue_on_error,
                   acceptance_criteria, tags, priority, timeout_s, network, env, metadata, attempts, exit_code, version,
                   created_at, updated_at, started_at, ended_at)
SELECT uuidv7(CAST(:at AS timestamptz) - now()), owner_id, project_id, :name, kind, :status, summary, commands,
       continue_on_error, acceptance_criteria, tags, priority, timeout_s, network, env, metadata, 1,
       CASE :status WHEN 'completed' THEN 0 ELSE 1 END, 1,
       :at, :at, CAST(:at AS timestamptz) + :waited, CAST(:at AS timestamptz) + :waited + :took
  FROM tasks WHERE name = 'transcribe-interview'
"""

ITS_RUN = """
INSERT INTO runs (id, owner_id, project_id, task_id, kind, metadata, queue, attempt, status, log_seq, created_at,
                  started_at, start_id, ended_at)
SELECT uuidv7(created_at - now()), owner_id, project_id, id, 'task', '{}', 'default', 1, status, 0, created_at,
       started_at, uuidv7(created_at - now()), ended_at
  FROM tasks WHERE name = :name
"""

A_TIME = """
INSERT INTO schedule_runs (id, schedule_id, planned_at, fired_at, outcome, cause, result, depth, told)
VALUES (uuidv7(CAST(:at AS timestamptz) - now()), :schedule, :at, :at, 'fired', 'planned', :result, 0, true)
"""

SALES = """import collections, csv
regions = collections.Counter()
with open("inputs/sales.csv") as file:
    for row in csv.DictReader(file):
        regions[row["region"]] += int(row["amount"])
        print(f'\\033[32m{row["region"]:<6}\\033[0m {row["amount"]:>6}')
with open("artifacts/by-region.csv", "w") as file:
    csv.writer(file).writerows([("region", "amount"), *regions.most_common()])
"""

PRIMES = (
    'python3 -c \'print("n,square"); [print(f"{n},{n * n}") for n in (2, 3, 5, 7, 11, 13)]\' > artifacts/primes.csv'
)
TOLD = """Here are the first six primes with their squares. The table is kept as `primes.csv`.

| n | square |
| ---: | ---: |
| 2 | 4 |
| 3 | 9 |
| 5 | 25 |
| 7 | 49 |
| 11 | 121 |
| 13 | 169 |
"""


def main() -> None:
    """Starts a gateway, uses it, and takes the pictures."""
    folder = Path(tempfile.mkdtemp(prefix="pictures-"))
    gateway = LiveGateway(folder / "data", options=("--no-node",))
    try:
        gateway.start().sign_up()
        with another_node(gateway, "--name", "desk", "--data-dir", str(gateway.data_dir)), browser() as chromium:
            gateway.wait_ready()
            with database_of(gateway) as records:
                has_been_used(gateway, records)
            for name, take in PICTURES.items():
                page = signed_in(chromium, gateway).new_page()
                page.set_viewport_size({"width": 1280, "height": HEIGHTS[name]})
                take(gateway, page)
                expect(page.locator(".loading")).to_have_count(0)
                page.wait_for_timeout(500)  # what fades in has done so
                page.screenshot(path=FOLDER / f"{name}.png")
                page.context.close()
    finally:
        gateway.close()
        shutil.rmtree(folder, ignore_errors=True)


def has_been_used(gateway: LiveGateway, records: Database) -> None:
    """A day of tasks, a month of schedules, and two tasks that run."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    for name in ("transcribe-interview", "build-the-photo-index"):
        gateway.submit(name=name, commands=["sleep 900"])
    hours = (hour for hour in reversed(range(24)) for _ in range(chance.choice((0, 0, 1, 2, 3, 4))))
    for number, hour in enumerate(hours, 2):
        values = {
            "name": f"{chance.choice(DONE)}-{number}",
            "at": now - timedelta(hours=hour, minutes=chance.randrange(10, 60)),
            "waited": timedelta(seconds=chance.randrange(90)), "took": timedelta(seconds=chance.randrange(400)),
        }  # fmt: skip
        records.run(A_TASK, **values, status="failed" if chance.random() < 0.08 else "completed")
        records.run(ITS_RUN, name=values["name"])
    for name, (cron, days) in NIGHTLY.items():
        work = {"kind": "commands", "commands": ["make"]}
        schedule = make(gateway.call, "schedules", name=name, cron=cron, time_zone="Europe/Berlin", payload=work)
        begun = now.replace(hour=int(cron.split()[1]), minute=int(cron.split()[0]))
        for number in range(1, 30 // days + 1):
            result = "failed" if chance.random() < 0.08 else "completed"
            at = begun - timedelta(days=number * days)
            records.run(A_TIME, schedule=uuid.UUID(schedule), at=at, result=result)
    records.run("ANALYZE")


def home(_: LiveGateway, page: Page) -> None:
    """What runs, what comes, what went wrong."""
    page.goto("/")
    expect(page.get_by_role("region", name="Running now")).to_contain_text("transcribe-interview")


def task(gateway: LiveGateway, page: Page) -> None:
    """A script that read a file, wrote another, and was checked."""
    rows = "\n".join(f"{region},{amount}" for region, amount in zip("NESW" * 3, range(120, 360, 20), strict=True))
    sales = rows.replace("N,", "North,").replace("E,", "East,").replace("S,", "South,").replace("W,", "West,")
    file = gateway.call("POST", "/v1/artifacts?filename=sales.csv", content=f"region,amount\n{sales}\n".encode()).json()
    made = gateway.submit(
        name="Sales by region", script={"content": SALES, "interpreter": "python3"}, attachments=[file["id"]],
        acceptance_criteria=["$ test $(wc -l < artifacts/by-region.csv) -eq 5", "the figures look right"],
        tags=["sales", "weekly"],
    )  # fmt: skip
    gateway.wait(made["id"])
    page.goto(f"/tasks/{made['id']}")
    expect(page.get_by_role("region", name="Acceptance criteria")).to_contain_text("passed")
    expect(page.get_by_role("region", name="Artifacts")).to_contain_text("by-region.csv")


def chat(gateway: LiveGateway, page: Page) -> None:
    """The agent has done something, and kept it."""
    replies = [[call("run_command", command=PRIMES)], TOLD]
    with scripted(gateway, replies) as script, setting(gateway, "chat.default_model", script.model):
        page.goto("/chat")
        page.get_by_label("Model", exact=True).select_option("orchestrator")
        box = page.get_by_role("textbox", name="Message", exact=True)
        box.fill("Make a table of the first six primes and their squares, and keep it as a CSV file.")
        box.press("Enter")
        expect(page.locator(".chat-message.is-answer")).to_contain_text("169", timeout=60_000)
        expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def schedules(_: LiveGateway, page: Page) -> None:
    """When each runs next, and how it went."""
    page.goto("/schedules")
    expect(page.get_by_role("main")).to_contain_text("Weekly report")


PICTURES: dict[str, Callable[[LiveGateway, Page], None]] = {
    "home": home, "task": task, "chat": chat, "schedules": schedules,
}  # fmt: skip
"""What is taken, by the names of the files."""

HEIGHTS = {"home": 980, "task": 960, "chat": 680, "schedules": 500}
"""Pixels, at a width of 1280."""


@contextmanager
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


def signed_in(chromium: Browser, gateway: LiveGateway) -> BrowserContext:
    """The browser of the owner, who has been welcomed."""
    context = chromium.new_context(
        base_url=gateway.url, color_scheme="light", locale="en-GB", timezone_id="Europe/Berlin"
    )  # fmt: skip
    credentials = {"handle": gateway.owner_handle, "password": gateway.owner_password}
    csrf = context.request.post("/v1/auth/session", data=credentials).json()["csrf_token"]
    context.request.patch("/v1/users/me", data={"welcomed": True}, headers={"X-CSRF-Token": csrf})
    return context


if __name__ == "__main__":
    main()
