"""The policy against a small independent model: whatever grants and rules there are, both decide alike."""

import itertools
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import policy
from gateway.core.identity import SYSTEM, Actor
from gateway.core.policy import Resource
from gateway.core.rights import (
    BUILT_IN,
    Conditions,
    Grant,
    Rights,
    Role,
    Rule,
    Selector,
    is_within_globs,
    matches,
    overlap,
)

ME, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
PROJECTS = [uuid.UUID(int=10), uuid.UUID(int=11)]
KEYS = [uuid.UUID(int=20), uuid.UUID(int=21)]
KINDS = ["tasks", "artifacts"]
ACTIONS = ["tasks.read", "tasks.delete", "artifacts.read", "artifacts.create"]
ROOMS = ["tasks", "runs", "projects", "preferences", "credentials", "providers", "audit", "self", "users", "events"]
GLOBS = ["*", "tasks.*", "*.read", "tasks.read", "artifacts.*", "nothing.else"]


@dataclass(frozen=True)
class Thing:
    """Something that an action may be aimed at."""

    kind: str
    key: uuid.UUID
    owner: uuid.UUID | None
    project: uuid.UUID | None


THINGS = [
    Thing(kind, key, owner, project)
    for kind in KINDS
    for key in KEYS
    for owner in (ME, OTHER, None)
    for project in (*PROJECTS, None)
]

roles = st.builds(
    Role,
    name=st.sampled_from(["reader", "writer"]),
    actions=st.lists(st.sampled_from(GLOBS), min_size=1, max_size=2).map(tuple),
    reach=st.sampled_from(["own", "all"]),
    own_actions=st.lists(st.sampled_from(GLOBS), max_size=1).map(tuple),
)
grants = st.builds(Grant, role=roles, project_id=st.sampled_from([None, *PROJECTS]))
selectors = st.one_of(
    st.just(Selector()),
    st.builds(Selector, kind=st.sampled_from(KINDS)),
    st.builds(Selector, kind=st.sampled_from(KINDS), id=st.sampled_from([str(key) for key in KEYS])),
    st.builds(Selector, project_id=st.sampled_from(PROJECTS)),
)
conditions = st.builds(
    Conditions,
    via=st.sampled_from([(), ("token",), ("login",)]),
    addresses=st.sampled_from([(), ("127.0.0.0/8",), ("10.0.0.0/8",)]),
    own=st.sampled_from([None, True, False]),
)
rules = st.builds(
    Rule,
    id=st.uuids(),
    name=st.just("a rule"),
    effect=st.sampled_from(["allow", "deny"]),
    action=st.sampled_from(GLOBS),
    selector=selectors,
    priority=st.integers(-2, 2),
    conditions=conditions,
)
rights = st.builds(Rights, grants=st.lists(grants, max_size=3).map(tuple), rules=st.lists(rules, max_size=4).map(tuple))


def glob_fits(glob: str, action: str) -> bool:
    """By parts, not by patterns."""
    if glob == "*":
        return True
    room, _, verb = glob.partition(".")
    wanted_room, _, wanted_verb = action.partition(".")
    return room in ("*", wanted_room) and verb in ("*", wanted_verb)


def rule_fits(rule: Rule, thing: Thing, action: str) -> bool:
    """What the documentation says of rules, sentence by sentence; the caller comes by token from 127.0.0.1."""
    if not glob_fits(rule.action, action):
        return False
    if "login" in rule.conditions.via or "10.0.0.0/8" in rule.conditions.addresses:
        return False
    if rule.conditions.own is True and thing.owner != ME:
        return False
    if rule.conditions.own is False and thing.owner == ME:
        return False
    selector = rule.selector
    if selector.project_id is not None:
        return thing.project == selector.project_id
    if selector.kind is not None and selector.kind != thing.kind:
        return False
    return selector.id is None or selector.id == str(thing.key)


def model(held: Rights, thing: Thing, action: str) -> bool:
    """The decision, told once more and differently."""
    if any(rule.effect == "deny" and rule_fits(rule, thing, action) for rule in held.rules):
        return False
    for grant in held.grants:
        given = any(glob_fits(glob, action) for glob in grant.role.actions)
        given_on_own = any(glob_fits(glob, action) for glob in grant.role.own_actions)
        if grant.project_id is None:
            if given and grant.role.reach == "all":
                return True
            if (given or given_on_own) and thing.owner in (ME, None):
                return True
        elif grant.project_id == thing.project and (given or (given_on_own and thing.owner == ME)):
            return True
    return any(rule.effect == "allow" and rule_fits(rule, thing, action) for rule in held.rules)


def actor(held: Rights, scopes: tuple[str, ...] | None = None) -> Actor:
    return Actor(ME, "me", held.roles, via="token", address="127.0.0.1", rights=held, scopes=scopes)


@settings(max_examples=300, deadline=None)
@given(held=rights)
def test_every_decision_is_that_of_the_model(held: Rights) -> None:
    me = actor(held)
    for action in ACTIONS:
        for thing in THINGS:
            resource = Resource(thing.kind, thing.key, thing.owner, thing.project)
            decision = policy.can(me, action, resource)
            assert decision.allowed == model(held, thing, action), (action, thing, decision)
            assert decision.reason


@settings(max_examples=300, deadline=None)
@given(held=rights)
def test_what_a_list_shows_is_what_may_be_read_one_by_one(held: Rights) -> None:
    me = actor(held)
    for kind in KINDS:
        within = policy.reach(me, f"{kind}.read", kind)
        for thing in THINGS:
            if thing.kind == kind and thing.owner is not None:
                shown = within.covers(ME, thing.owner, thing.project, thing.key)
                assert shown == model(held, thing, f"{kind}.read"), (thing, within)


@settings(max_examples=200, deadline=None)
@given(held=rights, rule=rules)
def test_a_deny_only_takes_and_an_allow_only_gives(held: Rights, rule: Rule) -> None:
    more = Rights(held.grants, (*held.rules, rule))
    for action in ACTIONS:
        for thing in THINGS[:12]:
            resource = Resource(thing.kind, thing.key, thing.owner, thing.project)
            before, after = (policy.can(actor(given), action, resource).allowed for given in (held, more))
            assert before >= after if rule.effect == "deny" else after >= before


@settings(max_examples=100, deadline=None)
@given(held=rights, scope=st.sampled_from(GLOBS))
def test_a_scope_only_takes(held: Rights, scope: str) -> None:
    for action in ACTIONS:
        resource = Resource(action.split(".")[0], KEYS[0], ME, PROJECTS[0])
        narrowed = policy.can(actor(held, (scope,)), action, resource).allowed
        assert narrowed == (policy.can(actor(held), action, resource).allowed and glob_fits(scope, action))


def test_nothing_given_is_nothing_allowed() -> None:
    nobody = actor(Rights())
    assert not any(policy.can(nobody, action, Resource("tasks", None, ME)).allowed for action in ACTIONS)
    assert policy.can(SYSTEM, "anything.at_all", Resource("tasks")).allowed


@pytest.mark.parametrize(
    ("window", "moment", "holds"),
    [
        ({"after": time(9), "before": time(17)}, "2026-03-02T10:00", True),
        ({"after": time(9), "before": time(17)}, "2026-03-02T17:00", False),
        ({"after": time(22), "before": time(6)}, "2026-03-02T23:30", True),
        ({"after": time(22), "before": time(6)}, "2026-03-02T05:59", True),
        ({"after": time(22), "before": time(6)}, "2026-03-02T12:00", False),
        ({"weekdays": (1,)}, "2026-03-02T12:00", True),
        ({"weekdays": (2,)}, "2026-03-02T12:00", False),
        ({"after": time(9), "before": time(17), "time_zone": "Asia/Tokyo"}, "2026-03-02T01:00", True),
    ],
)
def test_times_of_day_are_those_of_the_rules_zone(window: dict[str, Any], moment: str, holds: bool) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert Conditions(**window).hold("token", "", None, at) is holds


@pytest.mark.parametrize(
    ("one", "other", "is_common"),
    [
        ("*", "tasks.read", True), ("tasks.*", "*.read", True), ("tasks.r*d", "tasks.*e*", True), ("*", "*", True),
        ("tasks.*", "users.*", False), ("*.read", "*.write", False), ("tasks.read", "tasks.reads", False),
    ],
)  # fmt: skip
def test_globs_that_take_in_a_common_action(one: str, other: str, is_common: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is is_common


def test_what_a_deny_takes_from_oneself_is_not_handed_on() -> None:
    """A puppet would have it; a deny about everyone is about the puppet as well."""
    rule = Rule(uuid.uuid4(), "not them", "deny", "settings.*", Selector(), is_personal=True)
    others = (replace(rule, is_personal=False), replace(rule, effect="allow"))
    for about_me, holds in ((rule, False), *((other, True) for other in others)):
        admin = Actor(ME, "me", frozenset(), via="login", rights=Rights((Grant(BUILT_IN["admin"]),), (about_me,)))
        assert policy.holds(admin, "tasks.*", None)
        for glob in ("*", "*.write", "settings.write"):
            assert policy.holds(admin, glob, None) is holds


def test_a_rule_about_tokens_holds_for_who_acts_through_something_with_one() -> None:
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    assert Conditions(via=("token",)).hold("token", "mcp", None, moment)
    assert Conditions(via=("mcp", "agent")).hold("token", "mcp", None, moment)
    assert not Conditions(via=("mcp",)).hold("token", "", None, moment)


@pytest.mark.parametrize("project", [None, PROJECTS[0]])
def test_each_built_in_role_may_do_with_its_own_things_what_the_next_may(project: uuid.UUID | None) -> None:
    """Owner, admin, operator, member, viewer: held for the whole system, or in the project in which the thing lies."""
    actions = {f"{room}.{verb}" for room in ROOMS for verb in ("read", "write", "create", "update", "delete", "use")}
    actions |= {glob for role in BUILT_IN.values() for glob in role.actions if "*" not in glob}
    assert list(BUILT_IN) == ["owner", "admin", "operator", "member", "viewer"]
    for above, below in itertools.pairwise(BUILT_IN.values()):
        for action in sorted(actions):
            mine = Resource(action.split(".")[0], KEYS[0], ME, project)
            more, less = (policy.can(actor(Rights((Grant(role, project),))), action, mine) for role in (above, below))
            assert more.allowed or not less.allowed, (above.name, below.name, action)


def test_an_operator_keeps_secrets_and_preferences_of_their_own_and_of_nobody_else() -> None:
    operator = actor(Rights((Grant(BUILT_IN["operator"]),)))
    for action in ("preferences.write", "preferences.delete", "credentials.create", "credentials.rotate"):
        kind = action.split(".")[0]
        assert policy.can(operator, action, Resource(kind, None, ME)).allowed
        assert not policy.can(operator, action, Resource(kind, None, OTHER)).allowed
    assert policy.reach(operator, "credentials.read", "credentials") == policy.EVERYTHING
    assert policy.reach(operator, "credentials.use", "credentials").is_own


@pytest.mark.parametrize("roles", [frozenset({"owner"}), frozenset({"member"})])
@pytest.mark.parametrize("user_id", [ME, SYSTEM.user_id])
def test_whoever_content_from_outside_has_a_say_in_only_reads(roles: frozenset[str], user_id: uuid.UUID) -> None:
    free = Actor(user_id, "me", roles, via="agent")
    held = replace(free, only_read=("schedules.*", "connectors.*"))
    verbs = ("read", "read_history", "create", "update", "delete", "invoke_send", "run", "readjust")
    for room, verb in itertools.product(("schedules", "connectors", "tasks"), verbs):
        action, resource = f"{room}.{verb}", Resource(room, owner_id=ME)
        is_free = policy.can(free, action, resource).allowed
        writes_there = room != "tasks" and verb not in ("read", "read_history")
        assert policy.can(held, action, resource).allowed is (is_free and not writes_there), action


def test_globs() -> None:
    assert matches("tasks.*", "tasks.read")
    assert not matches("tasks.*", "tasks_x.read")
    assert not matches("tasks.read", "tasks.reader")
    assert is_within_globs("tasks.*", ["*"])
    assert not is_within_globs("*.read", ["tasks.*"])
    assert all(is_within_globs(glob, BUILT_IN["owner"].actions) for role in BUILT_IN.values() for glob in role.actions)


@pytest.mark.parametrize("glob", ["*" * 39 + "z", "*e" * 20 + "z", "*" * 160])
def test_a_glob_of_many_stars_is_matched_at_once(glob: str) -> None:
    """Users write them, as scopes of tokens: a regular expression would go through millions of ways to fit it."""
    action = "credentials.create_recovery_kit"
    assert matches(glob, action) is (glob[-1] == "*")


@pytest.mark.parametrize(
    ("glob", "fits"),
    [("a*", True), ("*b*", True), ("a*c", True), ("a*b*c", True), ("a*a*c", False), ("abc*c", False), ("*", True),
     ("**abc**", True), ("ab*bc", False), ("*bc", True), ("*ab", False)],
)  # fmt: skip
def test_letters_of_a_glob_stand_in_their_order_and_none_counts_twice(glob: str, fits: bool) -> None:
    assert matches(glob, "abc") is fits
