"""The catalogue of events is what the documentation says, and what really happens fits it."""

import re
from typing import Any

import jsonschema
import pytest

from gateway.features.events.catalogue import EVENTS, severity_of
from gateway.features.events.schemas import EventOut
from tests.conftest import LiveGateway
from tests.docs.pages import page


def test_the_catalogue_has_the_events_of_the_documentation_with_their_data() -> None:
    table = page("docs/events.md")
    documented = {name for name in table.column(0) if re.fullmatch(r"[a-z_]+\.[a-z_]+", name)}
    assert set(EVENTS) == documented


@pytest.mark.parametrize("name", EVENTS)
def test_each_example_fits_its_schema(name: str) -> None:
    known = EVENTS[name]
    example = known.example(name)
    assert EventOut.model_validate(example).name == name
    jsonschema.validate(example["data"], known.data_schema())
    assert set(example["data"]) == set(known.data)


def test_what_failed_is_graver_than_what_went_well() -> None:
    assert severity_of("task.failed") == "error"
    assert severity_of("task.canceled") == "warning"
    assert severity_of("task.completed") == "info"
    assert severity_of("something.new_failed") == "error"


def test_what_is_served_describes_what_happens(live_gateway: LiveGateway) -> None:
    live_gateway.wait(live_gateway.submit(commands=["false"])["id"])
    served = live_gateway.call("GET", "/v1/events/catalog").json()
    schemas: dict[str, Any] = {item["name"]: item["data_schema"] for item in served["items"]}
    events = live_gateway.call("GET", "/v1/events?limit=200").json()["items"]
    assert {"task.created", "job.failed"} <= {event["name"] for event in events}
    for event in events:
        jsonschema.validate(event, served["event_schema"])
        jsonschema.validate(event["data"], schemas[event["name"]])
        unknown = set(schemas[event["name"]]["properties"]) - set(event["data"])
        assert not unknown or event["name"].startswith(("job.", "agent.")), (event["name"], unknown)
