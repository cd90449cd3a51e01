"""Who may do what, written down a second time: what each route asks for, and what each built-in role gives.

Nothing here is taken from the gateway's own tables, so that a slip in either shows.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Sort = Literal["placed", "personal", "private", "shared", "common", "listed"]
Whose = Literal["own", "foreign", "project"]
Verdict = Literal["allowed", "denied", "hidden", "refused"]

ROLES: dict[str, tuple[str, ...]] = {
    "owner": ("*",),
    "admin": ("*",),
    "operator": (
        "*.read", "tasks.*", "agents.*", "questions.*", "runs.*", "artifacts.*", "projects.*", "nodes.*",
        "models.*", "audit.*",
        "access.*", "self.*",
    ),
    "member": (
        "tasks.*", "agents.*", "questions.*", "runs.*", "artifacts.*", "projects.*", "threads.*", "credentials.[!cr]*",
        "credentials.create", "credentials.read", "credentials.read_keys", "credentials.rotate", "preferences.read",
        "preferences.write", "preferences.delete", "spend_limits.read", "audit.read", "audit.export", "events.read",
        "providers.read", "models.*", "capabilities.read", "queue.read", "access.*", "self.*",
    ),
    "viewer": (
        "tasks.read", "agents.read", "questions.read", "runs.read", "artifacts.read", "projects.read", "threads.read",
        "preferences.read", "audit.read", "events.read", "providers.read", "models.read", "capabilities.read",
        "queue.read", "access.*", "self.*",
    ),
}  # fmt: skip
"""What each role gives. The first three give it on everything, the others on what is the holder's own."""

ON_OWN: dict[str, tuple[str, ...]] = {"operator": ROLES["member"]}
"""What a role gives besides, on what is the holder's own."""

SEES_ALL = {"owner", "admin", "operator"}


@dataclass(frozen=True)
class Need:
    """What a route asks for: `action`, on what sort of thing.

    `sort` is `placed` (has an owner and lies in a project), `personal` (has an owner, lies nowhere), `private`
    (personal, and not even an owner's business), `shared` (is nobody's, lies in a project), `common` (is nobody's, or
    the route is only ever about the caller's own) or `listed` (a filtered list).
    `of_others` is the action that it takes on another user's, where that is a different one.
    """

    action: str
    sort: Sort
    of_others: str | None = None


def _needs(sort: Sort, routes: str) -> dict[str, Need]:
    """Reads lines of `action: endpoint endpoint`."""
    lines = [line.split(": ") for line in routes.strip().splitlines()]
    return {endpoint: Need(action.strip(), sort) for action, endpoints in lines for endpoint in endpoints.split()}


NEEDS: dict[str, Need] = {
    **_needs("placed", """
        tasks.create: tasks.create_task
        agents.read: agents.get_steps
        questions.read: agents.get_question
        questions.answer: agents.answer_question
        tasks.read: agents.get_findings tasks.get_task tasks.get_result tasks.get_history tasks.get_logs
        tasks.read: tasks.list_artifacts
        tasks.update: tasks.patch_task tasks.add_artifact
        tasks.delete: tasks.delete_task
        tasks.cancel: tasks.cancel_task
        tasks.retry: tasks.retry_task
        runs.read: runs.get_run runs.get_logs runs.stream_run runs.get_job
        artifacts.read: artifacts.get_artifact artifacts.get_content
        artifacts.delete: artifacts.delete_artifact
        projects.read: projects.get_project
        projects.update: projects.patch_project
        projects.delete: projects.delete_project
        threads.create: chat.create_thread
        threads.read: chat.get_thread chat.list_messages
        threads.write: chat.create_message
        threads.update: chat.patch_thread
        threads.delete: chat.delete_thread
        preferences.read: preferences.get_effective
        preferences.write: preferences.put_preference
        preferences.delete: preferences.delete_preference
        credentials.create: credentials.create_credential
        credentials.read: credentials.get_credential
        credentials.update: credentials.patch_credential
        credentials.delete: credentials.delete_credential
        credentials.rotate: credentials.rotate_credential
        credentials.disable: credentials.disable_credential
        credentials.enable: credentials.enable_credential
    """),
    **_needs("personal", """
        access.explain: access.explain
        audit.read: audit.get_audit
        users.read: users.get_user users.list_sessions_of_user users.list_tokens_of_user
        users.update: users.patch_user
        users.disable: users.disable_user
        users.enable: users.enable_user
        users.revoke_sessions: users.revoke_sessions users.revoke_token_of_user users.end_session_of_user
        users.reset_password: users.reset_password users.create_sign_in_code
        spend_limits.read: limits.get_spend_limit
        spend_limits.update: limits.patch_spend_limit
        spend_limits.delete: limits.delete_spend_limit
    """),
    "identity.get_token": Need("self.read", "personal", of_others="users.read"),
    "identity.rename_token": Need("self.update_token", "personal", of_others="users.update"),
    "identity.revoke_token": Need("self.revoke_token", "personal", of_others="users.revoke_sessions"),
    "identity.end_session": Need("self.end_session", "private"),
    **_needs("shared", """
        role_bindings.create: access.create_binding
        role_bindings.read: access.get_binding
        role_bindings.update: access.patch_binding
        role_bindings.delete: access.delete_binding
    """),
    **_needs("common", """
        audit.verify: audit.verify_audit audit.list_checkpoints audit.get_key
        settings.read: settings.list_settings settings.get_setting
        settings.write: settings.put_setting settings.delete_setting
        access.read_actions: access.list_actions
        groups.read: access.list_groups access.get_group access.list_members access.get_member
        groups.create: access.create_group
        groups.update: access.patch_group
        groups.delete: access.delete_group
        groups.add_member: access.add_member
        groups.update_member: access.patch_member
        groups.remove_member: access.remove_member
        roles.read: access.list_roles access.get_role
        roles.create: access.create_role
        roles.update: access.patch_role
        roles.delete: access.delete_role
        role_bindings.read: access.list_bindings
        policy_rules.read: access.list_rules access.get_rule
        policy_rules.create: access.create_rule
        policy_rules.update: access.patch_rule
        policy_rules.delete: access.delete_rule
        users.create: users.create_user
        self.logout: identity.logout identity.close_session
        self.read: identity.get_session identity.get_me identity.list_sessions identity.list_tokens
        self.update: identity.patch_me identity.set_my_password
        self.create_token: identity.create_token
        projects.create: projects.create_project
        artifacts.create: artifacts.upload
        credentials.read_keys: credentials.get_recovery_kit
        models.use: openai.complete_chat openai.create_response openai.create_embeddings openai.warm
        models.use: openai.follow_answer openai.stop_answer
        models.read: openai.list_models openai.get_model
        providers.read: providers.list_providers providers.get_provider
        providers.create: providers.create_provider
        providers.update: providers.patch_provider
        providers.delete: providers.delete_provider
        providers.test: providers.test_provider
        spend_limits.create: limits.create_spend_limit
        nodes.read: nodes.list_nodes nodes.get_node
        queue.read: runs.get_queue
        capabilities.read: system.capabilities
        metrics.read: system_root.metrics
    """),
    **_needs("listed", """
        audit.read: audit.list_audit
        audit.export: audit.export_audit
        users.read: users.list_users
        projects.read: projects.list_projects
        preferences.read: preferences.list_preferences preferences.list_history
        credentials.read: credentials.list_credentials
        spend_limits.read: limits.list_spend_limits limits.list_usage
        events.read: events.list_events events.stream
        artifacts.read: artifacts.list_artifacts
        runs.read: runs.list_runs
        tasks.read: tasks.list_tasks
        questions.read: agents.list_questions
        threads.read: chat.list_threads chat.search_messages
    """),
}  # fmt: skip
"""Every route that is not public. One that is missing here fails the test: say what it asks for."""

ELSEWHERE = {
    "events_socket": "decides on each message; test_two_users, test_identity_on_every_route",
    "credentials.create_recovery_kit": "takes an owner who signed in, which no token is; test_credentials",
}
"""Routes whose answer to a request with a token says nothing of roles, with where they are tested."""


def expected(role: str, whose: Whose, need: Need) -> Verdict:
    """What must come of it. In somebody's project the caller has `role` there, and looks at their own elsewhere.

    `refused` leaves open whether as forbidden or as not there: something of one's own that one may not read.
    """
    action = need.of_others if whose != "own" and need.of_others else need.action
    if _may(role, whose, need, action):
        return "allowed"
    if need.sort in ("common", "shared", "listed"):
        return "denied"
    if whose == "own":
        return "refused"
    room = need.action.partition(".")[0]
    read = "users.read" if room in ("self", "access") else f"{room}.read"
    if need.sort == "private":
        return "hidden"
    return "denied" if _may(role, whose, need, read) else "hidden"


def _may(role: str, whose: Whose, need: Need, action: str) -> bool:
    given = _includes(role, action)
    given_on_own = given or any(fnmatchcase(action, glob) for glob in ON_OWN.get(role, ()))
    if whose == "own" or need.sort == "listed":
        return given_on_own or (whose == "project" and _includes("viewer", action))
    if need.sort == "private":
        return given and whose == "own"
    if whose == "project":
        in_project = given and need.sort in ("placed", "shared", "listed")
        return in_project or (_includes("viewer", action) and need.sort in ("common", "listed"))
    if whose == "foreign" and need.sort in ("placed", "personal"):
        return given and role in SEES_ALL
    return given


def _includes(role: str, action: str) -> bool:
    return any(fnmatchcase(action, glob) for glob in ROLES[role])
