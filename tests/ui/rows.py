"""Rows of the console's lists, as a person finds and uses them."""

from playwright.sync_api import Locator, Page


def row(page: Page, text: str) -> Locator:
    """The row that shows `text`."""
    return page.get_by_role("row").filter(has_text=text)


def choose(page: Page, name: str, action: str) -> None:
    """Opens the menu of the row called `name` and takes one of its actions."""
    page.get_by_role("button", name=f"Actions for {name}", exact=True).click()
    page.get_by_role("menuitem", name=action, exact=True).click()
