"""The lab's rules: who may use it, and with which model."""

from gateway.core.errors import Invalid
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.settings import service as settings

from .clients import BY_ID, CLIENTS, Client
from .schemas import LabCaseOut, LabClientOut, LabIn, LabOut, LabResultOut
from .suite import Result, Send, run


def clients(work: Work) -> list[LabClientOut]:
    """The simulated clients."""
    work.allow("conformance.read", Resource("conformance"))
    return [describe(client) for client in CLIENTS]


def begin(work: Work, wish: LabIn) -> tuple[Client, str]:
    """The client, and the model to try it with. Raises Invalid."""
    work.allow("conformance.run", Resource("conformance", wish.client))
    client = BY_ID.get(wish.client)
    if client is None:
        raise Invalid.field("client", f"there is no such client; there are {', '.join(BY_ID)}")
    return client, wish.model or str(settings.value(work, "chat.default_model"))


def carried_out(client: Client, send: Send, model: str | None) -> LabOut:
    """What comes of all of the client's cases."""
    results = list(run(client, send, model))
    return LabOut(
        client=client.id,
        model=model,
        passed=all(result.verdict != "failed" for result in results),
        results=[_shape(result, model) for result in results],
    )


def describe(client: Client) -> LabClientOut:
    """A client with its cases."""
    cases = [LabCaseOut(name=case.name, about=case.about, needs_model=case.needs_model) for case in client.cases]
    return LabClientOut(id=client.id, name=client.name, about=client.about, cases=cases)


def _shape(result: Result, model: str | None) -> LabResultOut:
    asked = result.case.ask(model or "")
    return LabResultOut(
        name=result.case.name, verdict=result.verdict, reason=result.reason, method=asked.method, path=asked.path,
        status=result.status, duration_ms=result.duration_ms,
    )  # fmt: skip
