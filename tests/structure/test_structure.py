"""The project keeps its shape: short files, telling names, and the same doors in every room."""

import ast
import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import registry
from gateway.features.events.catalogue import EVENTS
from gateway.features.events.patterns import matches
from tests.structure.imports import imports_of

ROOT = Path(__file__).parents[2]
FEATURES = ROOT / "gateway" / "features"
ROOMS = sorted(path.parent for path in FEATURES.glob("*/__init__.py"))

LONGEST_FILE = 600
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "misc"}
CALLS_MODEL = re.compile(r"\bmodels\.(complete|upstream)$")
PROTECTED_DOORS = ("api", "queries", "models")


def sources(*suffixes: str) -> Iterator[Path]:
    """The project's own files, without what set-up and builds put beside them."""
    for folder in ("gateway", "ui", "static", "templates", "migrations", "packaging", "tests", "."):
        paths = (ROOT / folder).glob("*" if folder == "." else "**/*")
        yield from (path for path in paths if path.suffix in suffixes and not made_by_a_build(path))


def made_by_a_build(path: Path) -> bool:
    return path.is_relative_to(ROOT / "static" / "vendor") or "__pycache__" in path.parts


def relative(paths: list[Path]) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def test_no_file_is_longer_than_600_lines() -> None:
    long = [path for path in sources(".py", ".js") if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE]
    assert relative(long) == []


def test_names_say_what_a_module_owns() -> None:
    vague = [path for path in sources(".py", ".js", ".html", ".css") if VAGUE_NAMES & words(path)]
    assert relative(vague) == []


def words(path: Path) -> set[str]:
    """The words in a path inside the project: `core/file_utils.py` has core, file and utils."""
    names = path.relative_to(ROOT).with_suffix("").parts
    return {word for name in names for word in name.lower().replace("-", "_").split("_")}


def test_every_module_says_in_five_lines_at_most_what_it_owns() -> None:
    """Also each test module; a folder's empty marker would have to say it too."""
    bare = [path for path in sources(".py") if not 1 <= docstring_lines(path) <= 5]
    assert relative(bare) == []


def docstring_lines(path: Path) -> int:
    """Lines of text in a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return sum(1 for line in docstring.splitlines() if line.strip())


def test_nodes_call_models_only_where_spending_is_reserved() -> None:
    """The agent's own calls go through MeteredModel, which `turn.py` puts around the model's address."""
    bare = []
    for path in FEATURES.glob("*/*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        metered = {
            inner
            for block in ast.walk(tree)
            if isinstance(block, ast.AsyncWith) and any("Metered(" in ast.unparse(item) for item in block.items)
            for inner in ast.walk(block)
        }
        called = [
            ast.unparse(each.func) for each in ast.walk(tree) if isinstance(each, ast.Call) and each not in metered
        ]
        bare += [(path.name, name.partition("models.")[2]) for name in called if CALLS_MODEL.search(name)]
    assert bare == [("turn.py", "upstream")]


def test_our_packaging_folder_does_not_hide_the_package_of_that_name() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()
    assert not (ROOT / "packaging.py").exists()


def test_every_rooms_init_only_says_what_it_owns() -> None:
    """Importing a room must not pull in its doors."""
    chatty = [room for room in ROOMS if len(ast.parse((room / "__init__.py").read_text("utf-8")).body) != 1]
    assert relative(chatty) == []


def test_every_room_has_the_same_doors() -> None:
    assert ROOMS, "no rooms found"
    for room in ROOMS:
        files = {path.stem for path in room.glob("*.py")}
        assert {"api", "service", "schemas"} <= files, room.name
        if "models" in files:
            assert "queries" in files, f"{room.name}: every select stands in queries.py"
        folders = {path.name for path in room.iterdir() if path.is_dir() and path.name != "__pycache__"}
        assert not folders, f"{room.name}: a room is flat"


def test_no_two_shapes_of_the_wire_have_the_same_name() -> None:
    """The OpenAPI document knows shapes by name alone: of two it would describe one."""
    bodies = {relative([path])[0]: ast.parse(path.read_text("utf-8")).body for path in FEATURES.glob("*/schemas*.py")}
    shapes = [(node.name, file) for file, body in bodies.items() for node in body if isinstance(node, ast.ClassDef)]
    names = [name for name, _ in shapes]
    assert [shape for shape in shapes if names.count(shape[0]) > 1] == []


def test_the_console_hears_of_every_event() -> None:
    listening = (ROOT / "static" / "js" / "live.js").read_text(encoding="utf-8").partition("];")[0]
    patterns = re.findall(r'"(\w+\.\*)"', listening)
    assert [name for name in EVENTS if not any(matches(pattern, name) for pattern in patterns)] == []


def test_every_page_of_the_console_is_there() -> None:
    """The routes name their modules, which no type checker follows."""
    console = ROOT / "static" / "js"
    named = re.findall(r'\bpage: "([\w-]+)"', (console / "routes.js").read_text("utf-8"))
    assert len(named) > 20
    assert [name for name in named if not (console / "pages" / f"{name}.js").is_file()] == []


def test_every_kind_that_is_decided_about_is_told_of_by_its_room() -> None:
    """So that `access/explain` can say why; who reads a kind off the action goes by rooms that have told of it."""
    texts = [path.read_text("utf-8") for path in FEATURES.glob("*/*.py")]
    trees = [ast.parse(text) for text in texts if " Resource(" in text or "(Resource(" in text]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    aims = [node.args[0] for node in calls if isinstance(node.func, ast.Name) and node.func.id == "Resource"]
    named = {aim.value for aim in aims if isinstance(aim, ast.Constant)}
    assert len(named) > 20
    assert named - set(registry.resources()) == set()
    listed = {
        call.args[0].value
        for call in calls
        if isinstance(call.args[0], ast.Constant)
        and any(ast.unparse(aim).endswith("listed=True)") for aim in call.args[1:])
    }
    assert "tasks.read" in listed
    assert listed == {action for kinds in registry.resources().values() for kind in kinds for action in kind.listed}


def test_the_registry_lists_every_room_once() -> None:
    assert sorted(registry.ROOMS) == [room.name for room in ROOMS]


def test_import_rules_cover_every_room() -> None:
    """One contract per room; the wildcard form would let other rooms in."""
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    for room in ROOMS:
        contract = rules[f"importlinter:contract:room-{room.name}"]
        package = f"gateway.features.{room.name}"
        doors = [f"{package}.{door}" for door in PROTECTED_DOORS if (room / f"{door}.py").exists()]
        assert contract["protected_modules"].split() == doors
        assert contract["allowed_importers"].split() == [package]


def test_import_rules_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("door", ["service", "queries"])
def test_split_services_and_queries_know_no_flask_either(door: str) -> None:
    """Import rules name service.py and queries.py; this covers service_export.py and the like."""
    split = [path for room in ROOMS for path in room.glob(f"{door}_*.py")]
    assert relative([path for path in split if "flask" in imports_of(path)]) == []


USED_NOW_AND_THEN = {
    "aiosmtplib", "alembic", "apprise", "httpcore", "httpx", "icalendar", "mcp", "openai", "pydantic_ai", "xllamacpp",
}  # fmt: skip
"""What is loaded by the first thing that needs it: it would lie in the memory of every gateway and node."""


def loaded_by(program: str) -> set[str]:
    """The packages that a Python has loaded when it has run that."""
    told = f'{program}\nimport sys\nprint(*{{name.split(".")[0] for name in sys.modules}})'
    run = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_a_gateway_with_everything_it_answers_loads_nothing_that_is_used_now_and_then(tmp_path: Path) -> None:
    loaded = loaded_by(f"""
import gateway.serving
from gateway.application import create_app
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
config = Config(data_dir={str(tmp_path)!r})
DataDir(config.data_dir).prepare()
create_app(config, "postgresql://localhost/none")
""")
    assert "flask" in loaded
    assert loaded & USED_NOW_AND_THEN == set()


def test_a_node_with_everything_it_runs_loads_no_flask_and_no_gevent() -> None:
    """The registry loads rooms by name, which the import rules cannot follow."""
    loaded = loaded_by("""
import gateway.node.main
from gateway import registry
from gateway.features.events.catalogue import EVENTS
from gateway.features.events.patterns import matches
registry.load_tables()
registry.doors("jobs")
""")
    assert "procrastinate" in loaded
    assert {name for name in loaded if name.startswith(("flask", "werkzeug", "gevent"))} == set()
    assert loaded & USED_NOW_AND_THEN == set()
