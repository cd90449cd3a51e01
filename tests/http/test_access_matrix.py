"""Two users, every built-in role, every route: what comes of it on one's own, a stranger's, a stranger's project."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import sessionmaker
from werkzeug.routing import Rule

from gateway import registry
from gateway.core.errors import Invalid
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import unit_of_work
from gateway.features.access import service_explain
from gateway.features.access.schemas import ExplainQuery
from tests.conftest import LiveGateway
from tests.http.bodies import body_of, path_of
from tests.http.callers import PUBLIC, Database, Person, database_of, new_person
from tests.http.matrix import ELSEWHERE, NEEDS, ROLES, SEES_ALL, Verdict, Whose, expected
from tests.http.things import id_of, make, things_of

_numbers = itertools.count(1)


@dataclass
class World:
    """Someone who tries things, and whose things those are."""

    caller: Person
    things: dict[str, str]
    canary: str
    """What the things have in their names and contents."""

    secret: str
    """The same of what the stranger has elsewhere: in the project of a caller who has a role there, next to it."""


@dataclass
class Landlord:
    """Someone with things in a project that nobody else has a role in; `secret` is in their names and contents."""

    person: Person
    secret: str


@pytest.fixture(scope="module")
def gateway(spare_gateway: LiveGateway) -> LiveGateway:
    """Not the one that others share: it is full of owners and roles that they would stumble over."""
    return spare_gateway


@pytest.fixture(scope="module")
def records(gateway: LiveGateway) -> Iterator[Database]:
    """That gateway's database."""
    with database_of(gateway) as found:
        yield found


def test_every_route_says_what_it_asks_for(app: Flask) -> None:
    known = {rule.endpoint for rule in app.url_map.iter_rules()}
    public = {entry.split()[1] for entry in PUBLIC}
    assert set(NEEDS) | set(ELSEWHERE) == known - public


ABOUT_ANOTHER = ("messaging.create_subscription",)
"""Routes that are refused for a thing that their body names, and not for what they are about."""

EXPLAINED = ("operator", "member", "viewer")
"""Roles whose decisions are asked for again: the others may do everything."""


@pytest.fixture(scope="module")
def landlord(gateway: LiveGateway, records: Database) -> Landlord:
    """In whose projects others have roles; a role in a project changes nothing outside of it, so one is enough."""
    holder, secret = new_person(gateway, "landlord"), "secret-elsewhere"
    things_of(gateway, records, holder, secret)
    return Landlord(holder, secret)


@pytest.mark.parametrize("whose", ["own", "foreign", "project"])
@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_what_it_says_and_nothing_else(
    gateway: LiveGateway, records: Database, landlord: Landlord, app: Flask, role: str, whose: Whose
) -> None:
    world = _world(gateway, records, landlord, role, whose)
    user_id, tried, is_whole = id_of(world.caller), list[str](), True
    wrong, refused, foretold = [], {}, dict[Question, str]()
    for rule, method in _in_harmless_order(app):
        if method == "DELETE" and is_whole and role in EXPLAINED:  # as yet all is there that was decided about
            wrong += _explained_otherwise(records, user_id, tried, foretold)
            foretold = _foretold(app, records, world, user_id)
            tried, is_whole = [], False
        need = NEEDS[rule.endpoint]
        if whose == "foreign" and need.sort == "common":
            continue  # there is nothing of anybody in such a request; it is made in the other two
        status, text, request_id = _attempt(app, world, rule, method)
        verdict = expected(role, whose, need)
        if not (verdict == "allowed" and status == 404) and rule.endpoint not in ABOUT_ANOTHER:
            tried.append(request_id)
        if not _is(verdict, status, need.sort, rule.endpoint):
            wrong.append(f"{method} {rule} ({need.action}): {status}, but {verdict} is right; {text[:160]}")
        if verdict != "allowed":
            refused[request_id] = f"{method} {rule}"
        if whose != "own" and _gives_away(text, world, verdict, sees_all=whose == "foreign" and role in SEES_ALL):
            wrong.append(f"{method} {rule}: it gives away what is a stranger's; {text[:300]}")
    if foretold:
        wrong += _explained_otherwise(records, user_id, tried, foretold)
    assert wrong == []
    denials = records.rows(
        "SELECT DISTINCT request_id FROM audit_records WHERE decision = 'deny' AND request_id = ANY(:ids)",
        ids=list(refused),
    )
    unrecorded = set(refused) - {row["request_id"] for row in denials}
    assert [refused[request_id] for request_id in unrecorded] == []


Question = tuple[str, str]
"""An action and what it is aimed at."""


def _explained_otherwise(
    records: Database, user_id: str, requests: list[str], foretold: dict[Question, str]
) -> list[str]:
    """What those requests had decided about the user and `access/explain` says otherwise, each in words.

    It is asked now, but for what it has `foretold`: when something is gone, there is nothing left to decide about.
    """
    wrong = []
    decided = records.rows(
        "SELECT DISTINCT action, resource_kind, resource_id, project_id, decision FROM audit_records"
        " WHERE request_id = ANY(:ids) AND action = ANY(:actions)",
        ids=requests, actions=list(registry.actions()),
    )  # fmt: skip
    with _explained(records, user_id) as explained:
        for row in decided:
            resource = "/".join(filter(None, (row["resource_kind"], row["resource_id"])))
            why = foretold.get((row["action"], resource)) or explained(row["action"], resource, row["project_id"])
            if not why.startswith(row["decision"]):
                wrong.append(f"{row['action']} on {resource}: {row['decision']}, but {why}")
    return wrong


def _foretold(app: Flask, records: Database, world: World, user_id: str) -> dict[Question, str]:
    """What `access/explain` says, while all is there, of everything that a DELETE is going to ask about."""
    said = {}
    with _explained(records, user_id) as explained:
        for rule, method in _in_harmless_order(app):
            if method == "DELETE":
                need = NEEDS[rule.endpoint]
                kind, key, *rest = path_of(app, rule, method, world.things).removeprefix("/v1/").split("/")
                if (kind, key) in (("users", "me"), ("chat", "threads")):
                    (kind, key), rest = (rest[0] if key == "me" else key, rest[-1]), []
                key = "/".join((key, *rest)) if kind == "preferences" else key
                kind = kind.replace("-", "_")
                for action in filter(None, (need.action, need.of_others, f"{kind}.read")):
                    for resource in (f"{kind}/{key}", f"users/{world.things['users']}"):
                        said[action, resource] = explained(action, resource, None)
    return said


@contextmanager
def _explained(records: Database, user_id: str) -> Iterator[Callable[[str, str, Any], str]]:
    """Asks the gateway's explanation about the user: the decision with its reason."""
    kinds, actions = registry.resources(), registry.actions()
    with unit_of_work(sessionmaker(records.engine), SYSTEM) as work:

        def explained(action: str, resource: str, project_id: Any) -> str:
            asked = {"user_id": user_id, "action": action, "resource": resource, "project_id": project_id}
            try:
                said = service_explain.explain(work, kinds, actions, ExplainQuery.model_validate(asked))
            except Invalid as error:
                return str(error.errors)
            return f"{said.decision}, {said.reason}"

        yield explained
        work.rollback()


def _in_harmless_order(app: Flask) -> list[tuple[Rule, str]]:
    """All routes, those last that take away what others need: a member before its group, a task before its project."""
    last = [
        "messaging.delete_destination",
        "tasks.delete_task",
        "sessions.delete_session",
        "projects.delete_project",
        "users.reset_password",
        "users.revoke_sessions",
        "users.disable_user",
    ]
    pairs = [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint in NEEDS
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return sorted(
        pairs,
        key=lambda pair: (
            last.index(pair[0].endpoint) + 1 if pair[0].endpoint in last else 0,
            pair[1] == "DELETE",
            -pair[0].rule.count("/"),
        ),
    )


def _is(verdict: Verdict, status: int, sort: str, endpoint: str) -> bool:
    # Whoever may upload nowhere is told so before the body is read, and so before it is looked for what it is for.
    unread = (403,) if endpoint in UPLOADS else ()
    # What is made in a project that is not there for the caller has a wrong field (422), not a wrong address.
    not_there = (404, 422) if endpoint in PLACED_BY_A_FIELD else (404,)
    match verdict:
        case "allowed":
            found = sort == "common" or status not in not_there
            return status < 500 and status not in (401, 403) and found
        case "denied":
            return status == 403
        case "hidden":
            return status in (*not_there, *unread)
        case "refused":
            return status in (403, 404)


def _gives_away(text: str, world: World, verdict: Verdict, *, sees_all: bool) -> bool:
    return (verdict != "allowed" and world.canary in text) or (not sees_all and world.secret in text)


def _attempt(app: Flask, world: World, rule: Rule, method: str) -> tuple[int, str, str]:
    """Status, text and request id of one request. A stream is only opened."""
    path = path_of(app, rule, method, world.things)
    query = {name: value.format(**world.things) for name, value in QUERIES.get(rule.endpoint, {}).items()}
    options: dict[str, Any] = {"params": query}
    if rule.endpoint in UPLOADS:
        options["content"] = b"x"
    elif method != "GET":
        options["json"] = body_of(rule.endpoint, world.things)
    headers = {"Authorization": f"Bearer {world.caller.token}"}
    if method == "PATCH":
        headers["If-Match"] = '"999999"'  # fails once it is decided that one may
    url = world.caller.gateway.url + path
    with world.caller.gateway.http.stream(method, url, headers=headers, **options) as answer:
        is_open = answer.headers.get("Content-Type", "").startswith("text/event-stream")
        text = "" if is_open else answer.read().decode()
        return answer.status_code, text, answer.headers["X-Request-Id"]


QUERIES = {
    "access.explain": {"action": "tasks.read", "user_id": "{user_id}"},
    "preferences.get_effective": {"project_id": "{projects}"},
    "traces.compare_runs": {"with": "{runs}"},
    "retention.get_retention": {"project_id": "{projects}"},
    "chat.search_messages": {"q": "words"},
    "artifacts.upload": {"filename": "x"},
    "tasks.add_artifact": {"filename": "x"},
}
UPLOADS = ("artifacts.upload", "tasks.add_artifact", "artifacts.put_file")
PLACED_BY_A_FIELD = (
    "tasks.create_task",
    "credentials.create_credential",
    "chat.create_thread",
    "hooks.create_hook",
    "sessions.create_session",
    "runs.create_run",
    "retention.create_policy",
    "retention.preview_wish",
    "connectors.create_connector",
    "schedules.create_schedule",
)


def _world(gateway: LiveGateway, records: Database, landlord: Landlord, role: str, whose: Whose) -> World:
    """The caller in that role, and one thing of everything: made as a member, who may make them, and kept."""
    number = next(_numbers)
    canary = f"canary-{number}"
    caller = new_person(gateway, f"caller-{number}")
    match whose:
        case "own":
            holder = caller
        case "foreign":
            holder = new_person(gateway, f"stranger-{number}")
        case "project":
            holder = landlord.person
    things = things_of(gateway, records, holder, canary)
    secret = landlord.secret if whose == "project" else canary
    _rebind(gateway, caller, role if whose != "project" else "viewer")
    if whose == "project":
        make(gateway.call, "role-bindings", subject_type="user", subject_id=id_of(caller), role_id=role,
              scope_type="project", scope_id=things["projects"])  # fmt: skip
    return World(caller, things, canary, secret)


def _rebind(gateway: LiveGateway, person: Person, role: str) -> None:
    """Gives a member another role instead."""
    [held] = gateway.call("GET", f"/v1/role-bindings?subject_id={id_of(person)}").json()["items"]
    if role != "member":
        make(gateway.call, "role-bindings", subject_type="user", subject_id=id_of(person), role_id=role)
        gateway.call("DELETE", f"/v1/role-bindings/{held['id']}").raise_for_status()
