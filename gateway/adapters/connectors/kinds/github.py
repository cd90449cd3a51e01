"""GitHub, by its REST API (https://docs.github.com/rest): issues, comments, and what happens in repositories."""

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from gateway.adapters.connectors.base import (
    Answer,
    Arguments,
    Connector,
    ConnectorSecret,
    Found,
    Polled,
    PollingConfig,
    WebAddress,
    operation,
)
from gateway.adapters.connectors.json_api import JsonApi, segment
from gateway.core.schemas import Shape

Repository = Annotated[
    str, Shape(r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$", "OWNER/NAME, such as octocat/hello")
]


class GitHubConfig(PollingConfig):
    """Where GitHub is, and which repositories to watch."""

    base_url: WebAddress = Field("https://api.github.com", title="Address")
    repositories: list[str] = Field(
        [], title="Watched repositories", max_length=20, description="OWNER/NAME; what happens there becomes events"
    )


class GitHubToken(ConnectorSecret):
    """A personal access token, or one of an app."""

    token: SecretStr = Field(title="Token", min_length=1, max_length=4000)


class OfRepository(Arguments):
    """Something of a repository."""

    repository: Repository = Field(title="Repository", description="OWNER/NAME")


class ListIssues(OfRepository):
    """Which issues."""

    state: Literal["open", "closed", "all"] = Field("open", title="State")
    limit: int = Field(20, title="At most", ge=1, le=100)


class OfIssue(OfRepository):
    """An issue or pull request."""

    number: int = Field(title="Number", ge=1)


class NewIssue(OfRepository):
    """An issue to open."""

    title: str = Field(title="Title", min_length=1, max_length=250)
    body: str = Field("", title="Text", max_length=60_000)
    labels: list[str] = Field([], title="Labels", max_length=20)


class NewComment(OfIssue):
    """A comment to write."""

    body: str = Field(title="Text", min_length=1, max_length=60_000)


class IssueState(OfIssue):
    """What to make of an issue."""

    state: Literal["open", "closed"] = Field(title="State")


class ListEvents(OfRepository):
    """How many events."""

    limit: int = Field(30, title="At most", ge=1, le=100)


class Issue(Answer):
    """An issue or pull request."""

    number: int
    title: str
    state: str
    author: str
    url: str
    body: str
    created_at: str
    labels: list[str]
    is_pull_request: bool


class Issues(Answer):
    """Issues, the newest first."""

    issues: list[Issue]


class Comment(Answer):
    """A comment."""

    id: int
    author: str
    body: str
    created_at: str
    url: str


class Discussion(Answer):
    """An issue with its first hundred comments."""

    issue: Issue
    comments: list[Comment]


class Happening(Answer):
    """Something that happened in a repository."""

    id: str
    event: str
    actor: str
    repository: Repository
    created_at: str
    action: str | None
    number: int | None
    title: str | None


class Happenings(Answer):
    """What happened, the newest first."""

    events: list[Happening]


class GitHub(Connector[GitHubConfig]):
    """An account at GitHub, or at a server of one's own."""

    kind, title = "github", "GitHub"
    summary = "Read and write issues and comments, and hear what happens in repositories."
    Config, Secret = GitHubConfig, GitHubToken
    happening = "repository_event"

    @operation("read", "List issues")
    async def list_issues(self, arguments: ListIssues) -> Issues:
        """List a repository's issues and pull requests."""
        query = {"state": arguments.state, "per_page": arguments.limit}
        told = await self._api.call("GET", f"{_at(arguments)}/issues", query=query)
        return Issues(issues=[_issue(each) for each in told])

    @operation("read", "Read an issue")
    async def read_issue(self, arguments: OfIssue) -> Discussion:
        """Read an issue with its comments."""
        path = f"{_at(arguments)}/issues/{arguments.number}"
        told = await self._api.call("GET", path)
        comments = await self._api.call("GET", f"{path}/comments", query={"per_page": 100})
        return Discussion(issue=_issue(told), comments=[_comment(each) for each in comments])

    @operation("send", "Open an issue")
    async def create_issue(self, arguments: NewIssue) -> Issue:
        """Open an issue."""
        body = {"title": arguments.title, "body": arguments.body, "labels": arguments.labels}
        return _issue(await self._api.call("POST", f"{_at(arguments)}/issues", body=body))

    @operation("send", "Comment")
    async def create_comment(self, arguments: NewComment) -> Comment:
        """Comment on an issue or pull request."""
        path = f"{_at(arguments)}/issues/{arguments.number}/comments"
        return _comment(await self._api.call("POST", path, body={"body": arguments.body}))

    @operation("admin", "Close or reopen an issue")
    async def set_issue_state(self, arguments: IssueState) -> Issue:
        """Close an issue, or open it again."""
        path = f"{_at(arguments)}/issues/{arguments.number}"
        return _issue(await self._api.call("PATCH", path, body={"state": arguments.state}))

    @operation("read", "List events")
    async def list_events(self, arguments: ListEvents) -> Happenings:
        """List what happened in a repository lately."""
        return Happenings(events=await self._events(arguments.repository, arguments.limit))

    async def test(self) -> Found:
        """Asks whose token it is."""
        return Found(f"Signed in as {(await self._api.call('GET', '/user'))['login']}.")

    async def poll(self, position: dict[str, Any]) -> Polled:
        """What happened in the watched repositories; the first look only takes note of what is there.

        The position has the ids that a repository's list showed: GitHub shows some events later than others that
        happened after them.
        """
        reached, happenings = dict(position), []
        for repository in self.config.repositories:
            events = await self._events(repository, 100)
            if (known := position.get(repository)) is not None:
                happenings += [each.model_dump() for each in reversed(events) if each.id not in known]
            reached[repository] = [each.id for each in events]
        return Polled(reached, tuple(happenings))

    async def _events(self, repository: Repository, limit: int) -> list[Happening]:
        place = "/".join(segment(part) for part in repository.split("/"))
        told = await self._api.call("GET", f"/repos/{place}/events", query={"per_page": limit})
        return [_happening(each, repository) for each in told]

    @property
    def _api(self) -> JsonApi:
        headers = {
            "Authorization": f"Bearer {self.secret.token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return JsonApi(self.egress, self.config.base_url, headers)


def _at(arguments: OfRepository) -> str:
    return f"/repos/{arguments.repository}"


def _issue(told: Any) -> Issue:
    return Issue(
        number=told["number"], title=told["title"], state=told["state"], author=_author(told),
        url=told["html_url"], body=told.get("body") or "", created_at=told["created_at"],
        labels=[label["name"] for label in told.get("labels", [])], is_pull_request="pull_request" in told,
    )  # fmt: skip


def _author(told: Any) -> str:
    """Who wrote it; GitHub shows accounts that are gone as this one, or as none."""
    login: str = (told.get("user") or {}).get("login", "ghost")
    return login


def _comment(told: Any) -> Comment:
    return Comment(
        id=told["id"], author=_author(told), body=told.get("body") or "", created_at=told["created_at"],
        url=told["html_url"],
    )  # fmt: skip


def _happening(told: Any, repository: Repository) -> Happening:
    payload = told.get("payload") or {}
    about = payload.get("issue") or payload.get("pull_request") or {}
    return Happening(
        id=str(told["id"]), event=told["type"], actor=told["actor"]["login"], repository=repository,
        created_at=told["created_at"], action=payload.get("action"), number=about.get("number"),
        title=about.get("title"),
    )  # fmt: skip
