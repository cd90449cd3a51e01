"""Pytest plugin: in CI a test that did not run counts as failed, so that a missing part cannot hide.

Loaded by the root conftest; does nothing unless the environment variable CI is set.
"""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Join the run only where skipping is not allowed."""
    if os.environ.get("CI"):
        config.pluginmanager.register(NoSkips(), "no_skips_in_ci")


class NoSkips:
    """Collects the tests and modules that were skipped or expected to fail, and fails the run for them."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped in any of its phases."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that was skipped as a whole."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn success into failure."""
        if self.skipped and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what did not run."""
        if self.skipped:
            terminalreporter.section("not run, which counts as failed in CI", red=True)
            for nodeid in self.skipped:
                terminalreporter.line(nodeid)
