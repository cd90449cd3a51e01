"""What access costs a request: the policy's decision with many rules and groups, and finding out who calls."""

import time
import uuid

from flask import Flask, g

from gateway.application import create_app
from gateway.core import policy
from gateway.core.config import Config
from gateway.core.identity import Actor
from gateway.core.policy import Resource
from gateway.core.rights import Grant, Rights, Role, Rule, Selector
from tests.bench.figures import Figure, median, percentile
from tests.bench.stage import Stage

RULES = 1_000
GROUPS = 100
REPEATS = 2_000
REQUESTS = 400
GOAL_DECISION_MS = 0.3
GOAL_ADDED_MS = 1.0
ACTION = "tasks.cancel"


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Both in this process, without the waits of gevent and HTTP; authentication on the gateway's database."""
    found = []
    for name, is_first in (("first about an action", True), ("later", False)):
        times = [_decisions_ms(is_first) for _ in range(rounds)]
        for percent, goal in ((50, None), (95, GOAL_DECISION_MS)):
            value = median([percentile(one, percent) for one in times])
            what = f"policy decision, {name}, {RULES:,} rules, {GROUPS} groups, p{percent}"
            found.append(Figure(what, value, "ms", goal))
    return [*found, *_authentication(stage, rounds)]


def _decisions_ms(is_first: bool) -> list[float]:
    """Times of decisions that read every rule about the action: none of them is about the thing at hand."""
    rights, project = _rights()
    user_id = uuid.uuid4()
    resource = Resource("tasks", uuid.uuid4(), uuid.uuid4(), project)
    times = []
    for _ in range(REPEATS // 10 if is_first else REPEATS):
        if is_first:
            rights = Rights(rights.grants, rights.rules, rights.groups)
        actor = Actor(user_id, "bench", rights.roles, "token", rights=rights)
        began = time.perf_counter()
        decision = policy.can(actor, ACTION, resource)
        times.append(1000 * (time.perf_counter() - began))
        assert decision.allowed
    return times


def _rights() -> tuple[Rights, uuid.UUID]:
    """Each group gives a role in a project of its own; a tenth of the rules is about the action, some with `*`."""
    projects = [uuid.uuid4() for _ in range(GROUPS)]
    role = Role("bench", ("tasks.*", "runs.read"), "own")
    grants = tuple(Grant(role, project, f"group-{number}") for number, project in enumerate(projects))
    actions = [ACTION, "tasks.*", *(f"room{number}.{verb}" for number in range(9) for verb in ("read", "write"))]
    rules = tuple(
        Rule(
            uuid.uuid4(), f"rule-{number}", "deny" if number % 3 else "allow", actions[number % len(actions)],
            Selector("tasks", id=str(uuid.uuid4())), priority=number % 7,
        )
        for number in range(RULES)
    )  # fmt: skip
    return Rights(grants, rules, tuple(grant.group or "" for grant in grants)), projects[-1]


def _authentication(stage: Stage, rounds: int) -> list[Figure]:
    """The hook alone that finds out who calls, as a request meets it: an API token, an access token."""
    gateway = stage.gateway
    body = {"handle": gateway.owner_handle, "password": gateway.owner_password}
    login = gateway.http.post(f"{gateway.url}/v1/auth/login", json=body).json()
    app = create_app(Config.load(data_dir=gateway.data_dir), stage.database_url)
    try:
        found = []
        for name, token in (("API token", gateway.token), ("access token", login["access_token"])):
            times = [_hook_ms(app, token) for _ in range(rounds)]
            for percent, goal in ((50, GOAL_ADDED_MS), (95, None)):
                value = median([percentile(one, percent) for one in times])
                found.append(Figure(f"authentication of a request, {name}, p{percent}", value, "ms", goal))
        return found
    finally:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()


def _hook_ms(app: Flask, token: str) -> list[float]:
    [authenticate] = [hook for hook in app.before_request_funcs[None] if hook.__name__ == "authenticate"]
    times = []
    for _ in range(REQUESTS):
        with app.test_request_context("/v1/users/me", headers={"Authorization": f"Bearer {token}"}):
            began = time.perf_counter()
            authenticate()
            times.append(1000 * (time.perf_counter() - began))
            assert g.actor.handle == "owner"
    return times
