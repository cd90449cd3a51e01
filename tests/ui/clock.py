"""Time that passes for a page whose clock is the test's."""

from playwright.sync_api import Page


def half_a_minute(page: Page) -> None:
    """The gateway answers in time that no clock of a page can hurry: the console would give up what it asked for."""
    for _ in range(3):
        page.clock.fast_forward(10_000)
        page.wait_for_timeout(500)
