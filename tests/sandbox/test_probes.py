"""Isolation: 80 attempts to reach past the sandbox fail, and each is shown to succeed where nothing holds it."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.sandbox.probes import PROBES

HERE = Path(__file__).parent


def let_loose(folder: Path, *options: str) -> dict[str, dict[str, list[str]]]:
    """The verdict on every probe in each environment: leak, held or broken, and why."""
    run = subprocess.run(
        [sys.executable, HERE / "probe_node.py", folder, *options],
        env={**os.environ, "PROBE_SECRET": secrets.token_hex(16), "PYTHONPATH": str(HERE.parents[1])},
        start_new_session=True,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    return let_loose(tmp_path_factory.mktemp("probes"))


def test_there_are_80_probes_of_different_names() -> None:
    assert len(PROBES) == len({probe.name for probe in PROBES}) == 80


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name.replace(" ", "_"))
def test_isolation_leaks_nothing(verdicts, probe) -> None:
    control, why = verdicts[probe.control][probe.name]
    assert control == "leak", f"the probe shows nothing: {why}"
    verdict, why = verdicts["sandbox"][probe.name]
    assert verdict == "held", why


def test_nothing_leaks_from_the_node_of_an_ordinary_user() -> None:
    with tempfile.TemporaryDirectory() as folder:
        verdicts = let_loose(Path(folder), "--plain")
    assert {name: why for name, why in verdicts["sandbox"].items() if why[0] != "held"} == {}
    assert len(verdicts["sandbox"]) == 80
    controls = {**verdicts["host"], **verdicts["open"]}
    assert {name: why for name, why in controls.items() if why[0] != "leak"} == {}
