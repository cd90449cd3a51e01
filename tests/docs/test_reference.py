"""What the code has, the documentation names, and nothing else: settings, routes, events, actions, codes, commands."""

import ast
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click
import pytest

import app
from gateway import registry
from gateway.adapters.connectors import registry as connectors
from gateway.adapters.destinations import registry as destinations
from gateway.application import openapi_document
from gateway.core import errors
from gateway.core.config import Config
from gateway.core.http import problems
from gateway.features.events.catalogue import EVENTS
from gateway.features.hooks.schemas import VerifyKind
from gateway.features.runs import state
from gateway.features.settings.known import KNOWN
from tests.conftest import LiveGateway
from tests.docs.pages import EVERYTHING, HEADING, PAGES, ROOT, Page, page

SOCKETS = {"GET /v1/events/ws", "GET /v1/runs/{id}/ws"}
"""Routes that OpenAPI cannot describe."""

EVENT_NAME = re.compile(r"[a-z_]+\.[a-z_]+")


@cache
def trees() -> list[ast.Module]:
    """The modules of gateway and ui, parsed."""
    paths = (path for folder in ("gateway", "ui") for path in (ROOT / folder).rglob("*.py"))
    return [ast.parse(path.read_text("utf-8")) for path in paths]


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    described: dict[str, Any] = json.loads(openapi_document())
    return described


def calls(*names: str) -> Iterator[ast.Call]:
    """Every call of a function or method of one of these names."""
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in names:
                yield node


def dotted_arguments(*names: str) -> set[str]:
    """Constants like `task.created` among the arguments of such calls."""
    constants = (node for call in calls(*names) for argument in call.args for node in ast.walk(argument))
    values = {node.value for node in constants if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {value for value in values if EVENT_NAME.fullmatch(value)}


def test_every_setting_is_documented_with_its_default() -> None:
    table = page("docs/operations.md")
    documented = dict(zip(table.column(0), table.column(1), strict=False))
    for name, field in Config.model_fields.items():
        assert name in documented, f"docs/operations.md does not name the setting {name}"
        default = "none" if field.default in (None, ()) else str(field.default).lower()
        if field.default_factory is None:
            assert documented[name] == default, name
    settings = {cell for cell in documented if re.fullmatch(r"[a-z]+(_[a-z]+)*", cell)} - {"setting", "path"}
    assert settings == set(Config.model_fields)


def test_every_operator_setting_is_documented_with_its_default() -> None:
    table = page("docs/settings.md")
    documented = dict(zip(table.column(0), table.column(1), strict=False))
    headings = {"---": "---", "setting": "default"}
    written = {key: json.dumps(setting.default).strip('"') for key, setting in KNOWN.items()}
    assert documented == written | headings


def test_the_bounds_of_an_operator_setting_are_documented() -> None:
    table = page("docs/settings.md")
    documented = dict(zip(table.column(0), table.column(2), strict=False))
    for key, setting in KNOWN.items():
        if setting.minimum is not None:
            assert [number(word) for word in documented[key].split(" – ")] == [setting.minimum, setting.maximum], key


def number(word: str) -> float:
    """A number as the documentation writes it: `86400`, `10⁸`."""
    base, power = re.findall(r"^([\d.]+?)([⁰¹²³⁴⁵⁶⁷⁸⁹]*)$", word)[0]
    return float(base) ** int(unicodedata.normalize("NFKC", power) or 1)


def test_every_page_and_key_of_the_console_is_documented() -> None:
    modules = "\n".join(path.read_text("utf-8") for path in (ROOT / "static" / "js").rglob("*.js"))
    pages = re.findall(r'label: "([^"]+)", icon: "[^"]+", keys: "g', modules)
    assert len(pages) > 10
    assert set(pages) <= set(HEADING.findall(page("docs/console.md").prose))
    keys = {key.replace("Escape", "Esc") for key in re.findall(r'\bkeys: "([^"]+)"', modules)}
    shown = page("docs/console.md").prose.lower()
    assert [key for key in keys if f"`{key}`".lower() not in shown and f"| {key} ".lower() not in shown] == []


def test_every_route_is_documented_and_every_documented_route_exists() -> None:
    paths = document()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} | SOCKETS
    table = page("docs/api.md")
    documented = {
        f"{method} {path}" for method, path in zip(table.column(0), table.column(1), strict=False) if path[0] == "/"
    }
    assert documented == served


def test_the_filters_of_a_route_are_those_that_it_takes() -> None:
    """What stands in back quotes behind the word, up to the next part of the sentence."""
    paths = document()["paths"]
    for method, path, said in re.findall(
        r"^\| ([A-Z]+) \| `(/.*?)` \| (.*) \|$", page("docs/api.md").prose, re.MULTILINE
    ):
        described = paths.get(path, {}).get(method.lower(), {})
        taken = [parameter["name"] for parameter in described.get("parameters", []) if parameter["in"] == "query"]
        for words in re.findall(r"\bfilters? ((?:`\w+`(?: \([^)]*\))?(?:, )?)+)", said):
            assert set(re.findall(r"`(\w+)`", words)) <= set(taken), f"{method} {path}"


def test_every_parameter_and_every_field_that_can_be_sent_is_documented() -> None:
    schemas = document()["components"]["schemas"]
    sent: set[str] = set()
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            sent |= {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                named = content["schema"].get("$ref", "").rpartition("/")[2]
                if not path.startswith("/v1/otlp/"):  # whose fields are OpenTelemetry's
                    sent |= set(schemas.get(named, content["schema"]).get("properties", ()))
    assert len(sent) > 100
    assert sorted(name for name in sent if not re.search(rf"\b{name}\b", EVERYTHING)) == []


def test_every_event_is_documented() -> None:
    documented = {cell for cell in page("docs/events.md").column(0) if EVENT_NAME.fullmatch(cell)}
    runs = {f"run.{status}" for status in state.FINISHED}
    assert dotted_arguments("emit", "_emit", "announce") | runs <= documented
    families = "|".join({name.split(".")[0] for name in documented})
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "gateway" / "features").rglob("*.py"))
    assert set(re.findall(rf'"((?:{families})\.[a-z_]+)"', sources)) | runs == documented


def test_every_event_that_ever_happened_here_is_documented(live_gateway: LiveGateway) -> None:
    """Names that are put together at run time cannot hide."""
    task = live_gateway.submit(commands=["true"])
    live_gateway.wait(task["id"])
    events = live_gateway.call("GET", "/v1/events?limit=200").json()["items"]
    happened = {event["name"] for event in events if not event["name"].startswith("test.")}  # those other tests make up
    assert happened <= set(page("docs/events.md").column(0))


def test_every_action_is_documented() -> None:
    """The catalogue is what the rooms declare; the page lists it, and whatever is decided about is in it."""
    table = page("docs/access.md")
    listed = {name for name in table.column(0) if re.fullmatch(r"[a-z_]+\.[a-z_]+", name)}
    assert listed == registry.actions().keys() | registry.recorded().keys()
    assert dotted_arguments("allow", "_find") <= registry.actions().keys()


def test_what_is_only_recorded_is_never_decided_and_all_else_is() -> None:
    """What is not named in the code outside of the catalogue is put together there, from the mode or the scope."""
    rooms = (path for path in (ROOT / "gateway" / "features").rglob("*.py") if path.name != "actions.py")
    code = "\n".join(path.read_text("utf-8") for path in rooms)
    named = set(re.findall(r'(?<!record\()"([a-z_]+\.[a-z_]+)"', code))
    put_together = {f"connectors.{mode}_op" for mode in ("read", "send", "admin")}
    put_together |= {f"preferences.{verb}_shared" for verb in ("write", "delete")}
    assert registry.actions().keys() - named == put_together - named
    assert registry.recorded().keys() & named == set()
    assert registry.recorded().keys() <= set(re.findall(r'record\("([a-z_]+\.[a-z_]+)"', code))


def test_what_an_action_allows_is_said_in_the_catalogues_words() -> None:
    table = page("docs/access.md")
    said = {name: plain(words) for name, words in zip(table.column(0), table.column(1), strict=False)}
    for name, words in {**registry.actions(), **registry.recorded()}.items():
        assert said[name] == words[0].lower() + words[1:], name


def plain(cell: str) -> str:
    """A cell's words without links and back quotes."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell).replace("`", "")


def test_what_an_event_tells_is_what_its_catalogue_says() -> None:
    """Rows that say `the same` have the fields of a row above."""
    table = page("docs/events.md")
    told = dict(zip(table.column(0), table.column(2), strict=False))
    for name, event in EVENTS.items():
        missing = [field for field in event.data if not re.search(rf"\b{field}\b", told[name])]
        assert not missing or "the same" in told[name], f"{name}: {missing}"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("docs/messaging.md", set(destinations.KINDS)),
        ("docs/connectors.md", set(connectors.KINDS)),
        ("docs/hooks.md", set(get_args(VerifyKind))),
    ],
)
def test_every_kind_is_documented(name: str, kinds: set[str]) -> None:
    cells = page(name).column(0)
    assert kinds <= {word for cell in cells for word in re.split(r"`, `", cell)}


def test_every_code_of_a_refusal_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", page("docs/api.md").text + page("docs/tasks.md").text))
    classes = (value for value in vars(errors).values() if isinstance(value, type))
    from_classes = {kind.code for kind in classes if issubclass(kind, errors.GatewayError)}
    from_rooms = {code for path in gateway_files("core", "features") for code in codes_in(path)}
    assert from_classes | from_rooms | {*problems._CODES.values(), "http_error"} <= documented


def gateway_files(*folders: str) -> Iterator[Path]:
    """The Python files below these folders of the gateway."""
    for folder in folders:
        yield from (ROOT / "gateway" / folder).rglob("*.py")


def codes_in(path: Path) -> set[str]:
    """What is given as `code=` to errors raised in a module."""
    found = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.keyword))
    return {node.value.value for node in found if node.arg == "code" and isinstance(node.value, ast.Constant)}


def test_every_message_in_troubleshooting_is_one_that_the_program_says() -> None:
    """`…` stands for what differs; the pieces between must stand in the sources."""
    said = [node.value for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    said += [path.read_text("utf-8") for path in (ROOT / "Makefile", *(ROOT / "packaging").rglob("*.py"))]
    corpus = "\n".join(text for text in said if isinstance(text, str))
    messages = re.findall(r"(?<!\*)\*([^*|]+)\*(?!\*)", page("docs/troubleshooting.md").prose)
    assert len(messages) > 15
    pieces = {piece.strip(" ;:,.()") for message in messages for piece in message.split("…")}
    assert {piece for piece in pieces if piece not in corpus} == FROM_OTHER_PROGRAMS


FROM_OTHER_PROGRAMS = {"No such file or directory", "Could not resolve host"}


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that can be run, by the words that call it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        elif not command.hidden:
            yield path + name, command


COMMANDS: dict[str, click.Command] = dict(commands(app.main))


def options(command: click.Command) -> dict[str, Any]:
    """The visible options of a command, by spelling."""
    parameters = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    return {spelling: option for option in parameters if not option.hidden for spelling in option.opts}


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_documented_with_its_options(words: str) -> None:
    table = page("docs/command-line.md").text
    assert re.search(rf"`python app\.py {words}\b[^`]*`", table), f"docs/command-line.md does not name {words}"
    for spelling in options(COMMANDS[words]):
        assert f"`{spelling}" in table, f"docs/command-line.md does not name {spelling} of {words}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_shown_can_be_typed(page: Page) -> None:
    for shown in re.findall(r"app\.py((?: +[^\s`|>)&]+)*)", page.text):
        assert not problem_with(shown.split()), f"app.py{shown}"


def problem_with(words: list[str]) -> str:
    """What is wrong with these arguments of app.py, as far as command and option names go."""
    command: click.Command = app.main
    plain = [word for word in words if not word.startswith("-")]
    while isinstance(command, click.Group) and plain:
        if plain[0] not in command.commands:
            return f"there is no command {plain[0]}" if plain[0].islower() else ""
        command = command.commands[plain.pop(0)]
    known = {*options(command), *options(app.main), "--help"}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"no option {unknown}" if unknown else ""


def test_the_architecture_names_every_room() -> None:
    [line] = re.findall(r"^\| `gateway/features/` \| the rooms: (.*) \|$", page("ARCHITECTURE.md").text, re.MULTILINE)
    assert sorted(line.split(", ")) == sorted(registry.ROOMS)


def test_every_make_command_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"[`$] ?make ([a-z]+)", EVERYTHING)) <= targets
