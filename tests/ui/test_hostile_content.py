"""Names, tags, logs, results, answers and files of others never run in the console."""

from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.agents.scripted_model import call, scripted
from tests.conftest import LiveGateway
from tests.ui.hostile import MARKUP, PAYLOADS

TEXT = "\n\n".join(PAYLOADS)
RUN_BY_THEMSELVES = 60
"""So many of the payloads at least run in a page that has no defence, with nobody at it."""

BY_FIFTY = ["\n".join(PAYLOADS[n::50]) for n in range(50)]

UNDEFENDED = """(payloads) => {
  for (const payload of payloads) {
    const frame = document.createElement("iframe");
    frame.srcdoc = `<style>@keyframes x{}</style>${payload}`;
    document.body.append(frame);
    setInterval(() => {
      if (frame.contentWindow.hacked) frame.dataset.ran = "yes";
    }, 50);
  }
}"""
"""Each payload as a page of its own."""

SHOWN = """async (payloads) => {
  const at = (name) => document.querySelector(`link[rel=modulepreload][href$="/${name}"]`).href;
  const { render } = await import("preact");
  const { html } = await import(at("js/html.js"));
  const { Markdown } = await import(at("js/components/markdown.js"));
  const { Json, ShortJson } = await import(at("js/components/json.js"));
  const place = document.createElement("section");
  place.id = "hostile";
  document.querySelector("main").append(place);
  render(html`${payloads.map((text) => html`<article title=${text} data-text=${text}>
    <p>${text}</p><${Markdown} text=${text} />
    <${ShortJson} value=${text} /><${Json} value=${{ [text]: text }} label=${text} />
  </article>`)}`, place);
}"""
"""Each payload as the console shows what a model or a user wrote: as text, an attribute, Markdown and JSON."""

RUNNING = """() => [...document.querySelectorAll("main *, dialog *")].filter((element) =>
  ["SCRIPT", "IFRAME", "OBJECT", "EMBED", "BASE", "META", "STYLE", "LINK"].includes(element.tagName)
  || element.getAttributeNames().some((name) => name.startsWith("on") || name === "srcdoc")
  || ["href", "src", "action", "formaction", "xlink:href"].some((name) =>
    /^[^a-z]*(javascript|vbscript|data:text)/i.test((element.getAttribute(name) ?? "").replace(/\\s/g, ""))),
).map((element) => element.outerHTML)"""


def unharmed(page: Page) -> None:
    """Waits until late handlers would have run, looks for the mark, and for whatever a click or a key would run."""
    links = page.locator(".markdown a, .log a").evaluate_all("(all) => all.map((each) => each.getAttribute('href'))")
    assert [link for link in links if link and not link.startswith(("https:", "http:", "mailto:"))] == []
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate(RUNNING) == []


def test_model_output_is_hostile_and_of_200_script_payloads_none_runs(
    page: Page, open_page: Callable[..., Page]
) -> None:
    assert len(set(PAYLOADS)) >= 200
    bare = page.context.new_page()
    bare.evaluate(UNDEFENDED, MARKUP)
    bare.wait_for_function("(most) => document.querySelectorAll('[data-ran]').length >= most", arg=RUN_BY_THEMSELVES)
    bare.close()
    page.goto("/preferences")
    expect(page.get_by_role("main")).to_be_visible()
    page.evaluate(SHOWN, PAYLOADS)
    expect(page.locator("#hostile article .markdown")).to_have_count(len(PAYLOADS))
    page.evaluate("""() => {
      for (const element of document.querySelectorAll("#hostile *:not(button)"))
        for (const name of ["focus", "mouseover", "pointerover", "toggle", "load", "error", "animationstart"])
          element.dispatchEvent(new Event(name));
    }""")
    unharmed(page)


def test_a_hostile_task_runs_nothing_in_the_page(page: Page, api: httpx.Client) -> None:
    script = "cat inputs/payload.html; cat inputs/payload.html >&2; cp inputs/payload.html artifacts/evil.html; exit 3"
    upload = api.post("/v1/artifacts", files={"file": ("payload.html", TEXT, "text/html")}).json()
    wish = {
        "script": {"content": script},
        "attachments": [upload["id"]],
        "tags": ["<script>window.hacked=1</script>"],
        "acceptance_criteria": BY_FIFTY,
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
    event = {"kind": "emit_event", "name": "evil.thing", "data": {"text": evil}}
    make("hooks", name=evil, description=evil, verify="token", action=event)
    make("credentials", name=evil, secret="s", description=evil)
    project = make("projects", slug="evil", display_name=evil, description=evil)
    user = make("users", handle="evil", display_name=evil)
    group = make("groups", name="evil", description=evil, external_id=evil)
    role = make("roles", name="evil", description=evil, actions=["tasks.read"])
    make("role-bindings", subject_type="user", subject_id=user, role_id=role, scope_type="project", scope_id=project)
    of_evil = {"effect": "allow", "subject": {"type": "group", "id": group}, "action": "tasks.read"}
    rule = make("policy-rules", name=evil, description=evil, **of_evil)
    limit = make("spend-limits", subject_type="token", subject_id=token, window="day", max_requests=1)
    provider = make(
        "providers", name="evil", kind="openai_compatible", base_url="http://127.0.0.1:9", models=PAYLOADS[:200]
    )
    assert api.post(f"/v1/providers/{provider}/test").status_code == 200
    make("retention-policies", sort="tasks", scope_type="project", scope_id=project, max_age_days=3650)
    assert api.put("/v1/preferences/user/-/evil", json={"value": TEXT, "reason": evil}).status_code == 201
    places = [
        "settings/account", "settings/limits", "settings/retention", "credentials", "messaging/hooks", "projects",
        "models",
        "access/users", "access/groups", "access/roles", "access/rules", "preferences/effective",
        "preferences?history=evil",
    ]  # fmt: skip
    for address in places:
        page.goto(f"/{address}")
        expect(page.get_by_text("window.hacked=1").filter(visible=True).first).to_be_visible()
        unharmed(page)
    # A preference goes into the prompts of all tasks to come: the model would read it for minutes.
    for made in (
        f"spend-limits/{limit}", f"policy-rules/{rule}", f"providers/{provider}", "preferences/user/-/evil",
    ):  # fmt: skip
        assert api.delete(f"/v1/{made}").status_code == 204


def test_a_hostile_chat_runs_nothing_in_the_page(page: Page, api: httpx.Client) -> None:
    evil = "<img src=x onerror=window.hacked=1>"
    thread = api.post("/v1/chat/threads", json={"title": evil}).json()["id"]
    for role in ("user", "assistant", "system", "user", "assistant"):
        answer = api.post(f"/v1/chat/threads/{thread}/messages", json={"role": role, "text": f"{TEXT} SECRET_REDACTED"})
        assert answer.status_code == 201, answer.text
    page.goto(f"/chat/{thread}?q=click")
    expect(page.get_by_role("log", name="Messages")).to_contain_text("window.hacked=1")
    expect(page.get_by_role("navigation", name="Threads")).to_contain_text("onerror")
    unharmed(page)
    assert page.locator(".markdown img").count() == 0


def test_hostile_steps_and_questions_stay_text(page: Page, live_gateway: LiveGateway) -> None:
    evil = "<img src=x onerror=window.hacked=1>"
    replies = [
        [call("run_command", command=f"printf '%s' '{evil}'")],
        [call("ask_user", question=f"{evil} {TEXT}", options=[evil, "[x](javascript:window.hacked=1)"])],
    ]
    with scripted(live_gateway, replies) as script:
        task = live_gateway.submit(prompt=TEXT, model=script.model)
        page.goto(f"/tasks/{task['id']}")
        question = page.get_by_role("article", name="Question of the agent")
        expect(question).to_contain_text("onerror")
        steps = page.get_by_role("region", name="Steps")
        steps.locator("summary").filter(has_text="run_command").click()
        expect(steps.get_by_label("Text of the step").filter(visible=True)).to_contain_text("onerror")
        unharmed(page)
        live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
        live_gateway.wait(task["id"])
