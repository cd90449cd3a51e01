"""Names, tags, logs, results, answers and files of others never run in the console."""

from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

PAYLOADS = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg/onload=window.hacked=1>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<a href='javascript:window.hacked=1'>click</a>",
    "[click](javascript:window.hacked=1)",
    '![x](x"onerror="window.hacked=1)',
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=1>",
    "${window.hacked=1}{{constructor.constructor('window.hacked=1')()}}",
    "\x1b]8;;javascript:window.hacked=1\x07click\x1b]8;;\x07",
]
TEXT = "\n\n".join(PAYLOADS)


def unharmed(page: Page) -> None:
    """Waits until late handlers would have run, clicks what a person might, and looks for the mark."""
    for link in page.locator(".markdown a, .log a").all():
        assert (link.get_attribute("href") or "https:").startswith(("https:", "http:", "mailto:"))
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main iframe, main script, main [onerror], main [onload]").count() == 0


def test_a_hostile_task_runs_nothing_in_the_page(page: Page, api: httpx.Client) -> None:
    script = "cat inputs/payload.html; cat inputs/payload.html >&2; cp inputs/payload.html artifacts/evil.html; exit 3"
    upload = api.post("/v1/artifacts", files={"file": ("payload.html", TEXT, "text/html")}).json()
    wish = {
        "script": {"content": script},
        "attachments": [upload["id"]],
        "tags": ["<script>window.hacked=1</script>"],
        "acceptance_criteria": PAYLOADS,
    }
    answer = api.post("/v1/tasks", json=wish)
    assert answer.status_code == 201, answer.text
    page.goto(f"/tasks/{answer.json()['id']}")
    expect(page.locator(".task-title .status")).to_have_text("failed")
    expect(page.get_by_role("log")).to_contain_text("<img src=x onerror=window.hacked=1>")
    unharmed(page)
    page.get_by_role("button", name="evil.html").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("window.hacked")
    unharmed(page)
    page.goto("/tasks")
    expect(page.locator("tbody tr").first).to_be_visible()
    unharmed(page)


def test_hostile_markdown_is_shown_without_its_teeth(page: Page, api: httpx.Client) -> None:
    task = api.post("/v1/tasks", json={"prompt": TEXT, "depends_on": []}).json()
    api.post(f"/v1/tasks/{task['id']}/cancel")
    page.goto(f"/tasks/{task['id']}")
    expect(page.locator(".markdown").first).to_be_visible()
    unharmed(page)
    assert page.locator(".markdown img").count() == 0


def test_hostile_file_names_and_contents_stay_text(page: Page, tmp_path: Path) -> None:
    page.goto("/artifacts")
    name = "<img src=x onerror=window.hacked=1>.csv"
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": "\n".join(f'"{p}",1' for p in PAYLOADS).encode()}
    )
    row = page.locator("tbody tr").filter(has_text="onerror").first
    row.locator(".row-link").click()
    expect(page.get_by_role("dialog").locator("td").first).to_be_visible()
    unharmed(page)


def test_an_svg_is_shown_as_a_picture_only(page: Page) -> None:
    page.goto("/artifacts")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="parent.hacked=1"><script>parent.hacked=1</script></svg>'
    page.locator("input[type=file]").set_input_files({"name": "p.svg", "mimeType": "image/svg+xml", "buffer": svg})
    page.locator("tbody tr").filter(has_text="p.svg").first.locator(".row-link").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    unharmed(page)


def test_hostile_names_of_what_is_set_up_stay_text(page: Page, api: httpx.Client) -> None:
    evil = "<img src=x onerror=window.hacked=1>"

    def make(path: str, **fields: object) -> str:
        answer = api.post(f"/v1/{path}", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    token = make("tokens", name=evil)
    make("credentials", name=evil, secret="s", description=evil)
    project = make("projects", slug="evil", display_name=evil, description=evil)
    user = make("users", handle="evil", display_name=evil)
    group = make("groups", name="evil", description=evil, external_id=evil)
    role = make("roles", name="evil", description=evil, actions=["tasks.read"])
    make("role-bindings", subject_type="user", subject_id=user, role_id=role, scope_type="project", scope_id=project)
    of_evil = {"effect": "allow", "subject": {"type": "group", "id": group}, "action": "tasks.read"}
    rule = make("policy-rules", name=evil, description=evil, **of_evil)
    limit = make("spend-limits", subject_type="token", subject_id=token, window="day", max_requests=1)
    provider = make("providers", name="evil", kind="openai_compatible", base_url="http://127.0.0.1:9", models=[evil])
    assert api.post(f"/v1/providers/{provider}/test").status_code == 200
    assert api.put("/v1/preferences/user/-/evil", json={"value": TEXT, "reason": evil}).status_code == 201
    places = [
        "settings/account", "settings/limits", "credentials", "projects", "models", "access/users", "access/groups",
        "access/roles", "access/rules", "preferences/effective",
        "preferences?history=evil",
    ]  # fmt: skip
    for address in places:
        page.goto(f"/{address}")
        expect(page.get_by_text("window.hacked=1").filter(visible=True).first).to_be_visible()
        unharmed(page)
    for made in (f"spend-limits/{limit}", f"policy-rules/{rule}", f"providers/{provider}"):
        assert api.delete(f"/v1/{made}").status_code == 204
