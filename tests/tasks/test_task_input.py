"""Every field of a new task is checked before anything is stored, and the answer names the field."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import LiveGateway

NOBODY = str(uuid4())

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no input": ({}, "body"),
    "two inputs": ({"prompt": "a", "commands": ["b"]}, "body"),
    "three inputs": ({"prompt": "a", "commands": ["b"], "script": {"content": "c"}}, "body"),
    "an unknown field": ({"commands": ["a"], "comands": ["b"]}, "comands"),
    "an empty prompt": ({"prompt": ""}, "prompt"),
    "a blank prompt": ({"prompt": " \n\t"}, "prompt"),
    "a prompt too long": ({"prompt": "x" * 1_000_001}, "prompt"),
    "a prompt that is no text": ({"prompt": 7}, "prompt"),
    "a script without source": ({"script": {}}, "script"),
    "a script with two sources": ({"script": {"content": "a", "artifact_id": NOBODY}}, "script"),
    "a script that is a string": ({"script": "echo"}, "script"),
    "a script of an unknown artifact": ({"script": {"artifact_id": NOBODY}}, "script.artifact_id"),
    "an interpreter with a path": ({"script": {"content": "a", "interpreter": "/bin/sh"}}, "script.interpreter"),
    "an interpreter with arguments": ({"script": {"content": "a", "interpreter": "sh -c"}}, "script.interpreter"),
    "an interpreter that is an option": ({"script": {"content": "a", "interpreter": "-c"}}, "script.interpreter"),
    "arguments that are a string": ({"script": {"content": "a", "args": "b"}}, "script.args"),
    "too many arguments": ({"script": {"content": "a", "args": ["b"] * 101}}, "script.args"),
    "no command": ({"commands": []}, "commands"),
    "an empty command": ({"commands": ["a", ""]}, "commands.1"),
    "101 commands": ({"commands": ["true"] * 101}, "commands"),
    "a command too long": ({"commands": ["x" * 32_001]}, "commands.0"),
    "U+0000 in a command": ({"commands": ["a\x00b"]}, "body"),
    "an empty name": ({"commands": ["a"], "name": ""}, "name"),
    "a name too long": ({"commands": ["a"], "name": "x" * 201}, "name"),
    "an empty criterion": ({"commands": ["a"], "acceptance_criteria": [""]}, "acceptance_criteria.0"),
    "an attachment that is a path": ({"commands": ["a"], "attachments": ["/etc/passwd"]}, "attachments.0"),
    "an unknown attachment": ({"commands": ["a"], "attachments": [NOBODY]}, "attachments"),
    "too many attachments": ({"commands": ["a"], "attachments": [str(uuid4()) for _ in range(101)]}, "attachments"),
    "an unknown project": ({"commands": ["a"], "project_id": NOBODY}, "project_id"),
    "an unknown session": ({"commands": ["a"], "session_id": NOBODY}, "session_id"),
    "a tag with a blank": ({"commands": ["a"], "tags": ["two words"]}, "tags.0"),
    "too many tags": ({"commands": ["a"], "tags": [f"t{n}" for n in range(33)]}, "tags"),
    "a priority too high": ({"commands": ["a"], "priority": 101}, "priority"),
    "a priority that is a word": ({"commands": ["a"], "priority": "high"}, "priority"),
    "no time": ({"commands": ["a"], "timeout_s": 0}, "timeout_s"),
    "negative time": ({"commands": ["a"], "timeout_s": -1}, "timeout_s"),
    "more than a week": ({"commands": ["a"], "timeout_s": 604_801}, "timeout_s"),
    "an unknown dependency": ({"commands": ["a"], "depends_on": [NOBODY]}, "depends_on"),
    "a dependency that is no id": ({"commands": ["a"], "depends_on": ["me"]}, "depends_on.0"),
    "an empty model": ({"prompt": "a", "model": ""}, "model"),
    "network as a word": ({"commands": ["a"], "network": "maybe"}, "network"),
    "a secret in the environment": ({"commands": ["a"], "env": {"GITHUB_TOKEN": "x"}}, "env"),
    "a password in the environment": ({"commands": ["a"], "env": {"db_password": "x"}}, "env"),
    "a reserved variable": ({"commands": ["a"], "env": {"PATH": "/tmp"}}, "env"),
    "the loader's variable": ({"commands": ["a"], "env": {"LD_PRELOAD": "/tmp/x.so"}}, "env"),
    "a variable that is no name": ({"commands": ["a"], "env": {"A-B": "x"}}, "env"),
    "a value too long": ({"commands": ["a"], "env": {"A": "x" * 16_001}}, "env"),
    "a value that is no text": ({"commands": ["a"], "env": {"A": 1}}, "env.A"),
    "metadata that is a list": ({"commands": ["a"], "metadata": []}, "metadata"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_task_is_refused_with_the_field_named(live_gateway: LiveGateway, case: str) -> None:
    wish, field = REFUSED[case]
    answer = live_gateway.call("POST", "/v1/tasks", json=wish)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    fields = [error["field"] for error in answer.json()["errors"]]
    assert any(found == field or found.startswith(f"{field}.") for found in fields), fields


def test_a_refused_task_leaves_nothing(live_gateway: LiveGateway) -> None:
    newest = live_gateway.call("GET", "/v1/tasks?limit=1").json()["items"]
    live_gateway.call("POST", "/v1/tasks", json={"commands": ["a"], "attachments": [NOBODY]})
    assert live_gateway.call("GET", "/v1/tasks?limit=1").json()["items"] == newest


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"content": b"echo hi", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"data": {"task": "{"}, "files": [("file", ("a", b"a"))]}, 400),
        ({"data": {"task": "[]"}, "files": [("file", ("a", b"a"))]}, 422),
        ({"data": {"task": '{"prompt": "a"}'}, "files": [("flie", ("a", b"a"))]}, 422),
        ({"data": {"task": "{}"}, "files": [("script", ("a.sh", b"\xff\xfe\x00"))]}, 422),
        ({"data": {"task": '{"script": "true"}'}, "files": [("script", ("a.sh", b"true"))]}, 422),
        ({"data": {"task": '{"prompt": "a"}'}, "files": [("prompt", ("a.md", b"b"))]}, 422),
        ({"data": {"task": '{"script": {"content": "true"}}'}, "files": [("script", ("a.sh", b"true"))]}, 422),
        ({"data": {"task": '{"prompt": "a"}', "tags": "x"}, "files": [("file", ("a", b"a"))]}, 422),
    ],
    ids=[
        "broken JSON",
        "wrong type",
        "broken part",
        "part of another shape",
        "unknown part",
        "script not UTF-8",
        "script of another shape",
        "prompt twice",
        "script twice",
        "unknown field",
    ],
)
def test_a_malformed_body_is_refused(live_gateway: LiveGateway, options: dict[str, Any], status: int) -> None:
    answer = live_gateway.call("POST", "/v1/tasks", **options)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_everything_given_is_kept_and_shown(live_gateway: LiveGateway) -> None:
    wish = {
        "commands": ["true"],
        "name": "All Of It",
        "acceptance_criteria": ["it ends", "it says nothing"],
        "tags": ["a", "b", "a"],
        "priority": -3,
        "timeout_s": 12.5,
        "env": {"LANG": "C"},
        "metadata": {"ticket": {"id": 7}},
        "continue_on_error": True,
        "network": False,
    }
    answer = live_gateway.call("POST", "/v1/tasks", json=wish)
    task = answer.json()
    assert answer.headers["location"] == f"/v1/tasks/{task['id']}"
    expected = {**wish, "tags": ["a", "b"], "name": task["name"], "kind": "commands"}
    assert {name: task[name] for name in expected} == expected
    assert task["name"].startswith("all-of-it")
    live_gateway.wait(task["id"])
    shown = live_gateway.task(task["id"])
    assert {name: shown[name] for name in expected} == expected


def test_the_same_idempotency_key_makes_one_task(live_gateway: LiveGateway) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"commands": ["true"]}
    first, second = (live_gateway.call("POST", "/v1/tasks", json=body, headers=headers) for _ in range(2))
    assert second.headers["idempotency-replayed"] == "true"
    assert json.loads(first.text) == json.loads(second.text)
    other = live_gateway.call("POST", "/v1/tasks", json={"commands": ["false"]}, headers=headers)
    assert other.status_code == 422
