"""Of the framework's stylesheet only what a page of ours can use is served."""

import importlib.util
from types import ModuleType

import pytest

from tests.structure.test_structure import ROOT


@pytest.fixture(scope="module")
def prune() -> ModuleType:
    """The module of the set-up, which no package holds."""
    spec = importlib.util.spec_from_file_location("prune", ROOT / "packaging" / "prune.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("css", "left"),
    [
        ('@charset "UTF-8";body{margin:0}', '@charset "UTF-8";body{margin:0}'),
        (".btn{a:b}.hero{a:b}", ".btn{a:b}"),
        (".btn,.hero,.btn:hover{a:b}", ".btn,.btn:hover{a:b}"),
        (".btn.hero,.btn>.hero{a:b}", ""),
        ("@media print{.hero{a:b}}@media print{.btn{a:b}}", "@media print{.btn{a:b}}"),
        (".btn:not(:is(.hero,.card)):is(.hero,.btn){a:b}", ".btn:not(:is(.hero,.card)):is(.hero,.btn){a:b}"),
        ("@keyframes turn{to{a:b}}[data-x='a,b']{a:b}", "@keyframes turn{to{a:b}}[data-x='a,b']{a:b}"),
        (r".btn\:wide{a:b}", ""),
        ("/*! v1.6 MIT */:root{--a:b}/* .hero */a{a:b}", "/*! v1.6 MIT */:root{--a:b}a{a:b}"),
    ],
)
def test_a_rule_stays_where_its_classes_are_used(prune: ModuleType, css: str, left: str) -> None:
    used = prune.words('html`<a class="btn is-on">`')
    assert prune.pruned(css, used) == left


def test_what_cannot_be_read_is_refused(prune: ModuleType) -> None:
    with pytest.raises(ValueError, match="does not end"):
        prune.pruned(".btn{a:b", {"btn"})


def test_the_served_stylesheet_holds_the_classes_that_the_console_writes(prune: ModuleType) -> None:
    served = (ROOT / "static" / "vendor" / "tabler.css").read_text("utf-8")
    assert "--tblr-border-width:" in served
    assert {"btn", "btn-primary", "form-control", "card", "table", "visually-hidden"} <= prune.classes(served)
