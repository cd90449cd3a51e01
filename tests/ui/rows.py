"""Rows of the console's lists, as a person finds and uses them."""

import re

from playwright.sync_api import Locator, Page, expect


def row(page: Page, text: str) -> Locator:
    """The row that shows `text`."""
    return page.get_by_role("row").filter(has_text=text)


def choose(page: Page, name: str, action: str) -> None:
    """Opens the menu of the row called `name` and takes one of its actions."""
    page.get_by_role("button", name=f"Actions for {name}", exact=True).click()
    page.get_by_role("menuitem", name=action, exact=True).click()


def see_through(page: Page) -> None:
    """Has what still could be undone done, and waits for it."""
    page.get_by_role("button", name="Do it now", exact=True).click()
    expect(page.get_by_text(re.compile("^(Deleted|Removed|Uninstalled) "))).to_be_visible()


def find(within: Locator, label: str, name: str) -> None:
    """Writes a name, and waits for the one that is offered by it."""
    field = within.get_by_label(label, exact=True)
    field.fill(name)
    expect(field).to_have_js_property("validationMessage", "")
