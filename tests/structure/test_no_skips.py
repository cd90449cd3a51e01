"""In CI a test that did not run counts as failed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SKIPS = {
    "mark": "import pytest\n@pytest.mark.skip\ndef test_x(): pass\n",
    "call": "import pytest\ndef test_x(): pytest.skip('no part')\n",
    "fixture": "import pytest\n@pytest.fixture\ndef part(): pytest.skip('none')\ndef test_x(part): pass\n",
    "module": "import pytest\npytest.skip('no part', allow_module_level=True)\n",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_x(): assert 0\n",
}


def run_pytest(folder: Path, source: str, *, ci: bool) -> subprocess.CompletedProcess[str]:
    """One pytest run over `source` with the plugin loaded."""
    (folder / "test_part.py").write_text(f"def test_passes(): pass\n{source}")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"CI": "true"} if ci else {})
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.no_skips",
        "-p",
        "no:cacheprovider",
        "test_part.py",
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("way", SKIPS)
def test_a_skipped_test_fails_the_run_in_ci(tmp_path: Path, way: str) -> None:
    run = run_pytest(tmp_path, SKIPS[way], ci=True)
    assert run.returncode == 1, run.stdout
    assert "not run, which counts as failed in CI" in run.stdout
    assert "test_part.py" in run.stdout.split("not run, which counts as failed in CI")[1]


def test_a_run_without_skips_passes_in_ci(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, "", ci=True).returncode == 0


def test_outside_ci_a_skip_is_only_reported(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SKIPS["call"], ci=False).returncode == 0
