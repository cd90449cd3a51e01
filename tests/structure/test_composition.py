"""`app.py` alone puts gateway and console together, and its commands stay short."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.structure.imports import imports_of

ROOT = Path(__file__).parents[2]
COMMAND_LINE = [ROOT / "app.py", *sorted((ROOT / "gateway" / "command_line").glob("*.py"))]

LONGEST_COMMAND = 10
LONGEST_FUNCTION = 30


def functions() -> Iterator[ast.FunctionDef]:
    """Every function of the command line, nested ones too."""
    trees = (ast.parse(path.read_text("utf-8")) for path in COMMAND_LINE)
    return (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def is_command(function: ast.FunctionDef) -> bool:
    """Whether click calls it: decorated with `….command(…)` or `….group(…)`."""
    calls = (decorator.func for decorator in function.decorator_list if isinstance(decorator, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr in ("command", "group") for call in calls)


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_each_command_is_a_few_lines() -> None:
    commands = [function for function in functions() if is_command(function)]
    assert len(commands) > 10
    assert {command.name: body_lines(command) for command in commands if body_lines(command) > LONGEST_COMMAND} == {}


def test_every_function_of_the_command_line_fits_a_screen() -> None:
    long = {function.name: body_lines(function) for function in functions() if body_lines(function) > LONGEST_FUNCTION}
    assert long == {}


def test_a_command_loads_only_what_it_needs() -> None:
    """Loading Flask or Qt for `--help` would cost every command its start-up time."""
    program = "import sys; before = set(sys.modules); import app; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name for name in run.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    ours = {f"gateway.command_line.{path.stem}" for path in COMMAND_LINE[1:] if path.stem != "__init__"}
    expected = {"app", "gateway", "gateway.command_line", *ours}
    assert {name for name in loaded if name.partition(".")[0] != "click"} == expected


def test_only_the_command_line_knows_gateway_and_console() -> None:
    modules = [path for folder in ("gateway", "ui", "migrations") for path in (ROOT / folder).rglob("*.py")]
    imports = {str(path.relative_to(ROOT)): imports_of(path) for path in modules}
    assert [path for path, packages in imports.items() if "app" in packages] == []
    assert [path for path, packages in imports.items() if path.startswith("gateway") and "ui" in packages] == []
    assert [path for path, packages in imports.items() if path.startswith("ui") and "gateway" in packages] == []
    assert imports_of(ROOT / "app.py") >= {"gateway", "ui"}
