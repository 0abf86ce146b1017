"""What a person does and sees on the pages, in their words."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.journeys.backstage import Person

SETTLED_MS = 60_000


def log_in(page: Page, person: Person) -> None:
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Log in").click()


def prompt_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Prompt")


def generate_of(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Generate"))


def choose_model(page: Page, name: str) -> None:
    page.locator("summary", has_text="Model").click()
    page.get_by_role("radio", name=re.compile(f"^{name}")).check()
    expect(generate_of(page)).to_contain_text("credit")


def order(page: Page, prompt: str, *, model: str = "") -> Locator:
    """Write, press, and come back to the stream: the new card."""
    if model:
        choose_model(page, model)
    prompt_of(page).fill(prompt)
    generate_of(page).click()
    return newest(page)


def newest(page: Page) -> Locator:
    return page.locator("article.card").first


def available(page: Page) -> Locator:
    return page.locator("#wallet .wallet-figure")


def pictures(within: Locator) -> Locator:
    return within.locator("img.tile-image")


def expect_word(card: Locator, word: str) -> None:
    """In time: a busy machine takes what it takes."""
    expect(card).to_have_attribute("data-word", word, timeout=SETTLED_MS)


def expect_no_sideways_scroll(page: Page) -> None:
    wider: Any = page.evaluate(
        """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""
    )
    assert wider <= 0, f"{page.url} is {wider} px too wide"
