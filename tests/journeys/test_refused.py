"""Orders that are not placed: the reason stands by the field, the draft stays, nothing is paid."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import hands, looks
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import Open, Window
from tests.studio import Studio

LONG = "very " * 1300
REFUSED = [
    ("an elk --repeat 4", "--repeat would order several times over. Remove it"),
    ("a {red, blue} car", "{red, blue} would become several orders. Write one version."),
    (LONG, "this model reads at most 6000. Shorten it."),
    ("", "Write what you want to see."),
]


@pytest.mark.parametrize(
    ("prompt", "reason"), REFUSED, ids=["repeat", "permutation", "too-long", "empty"]
)
def test_what_cannot_be_ordered_is_refused_with_its_reason(
    window: Window, backstage: Backstage, person: Person, prompt: str, reason: str
) -> None:
    page = window.page
    window.watch.expect([422])
    page.goto("/")
    hands.prompt_of(page).fill(prompt)
    hands.generate_of(page).click()
    page.wait_for_url("**/generate/")
    expect(hands.prompt_of(page)).to_have_value(prompt)
    expect_reason(page, reason)
    expect(hands.available(page)).to_have_text("20")
    assert backstage.orders(person) == 0


def test_a_refused_draft_is_a_page_in_order_and_can_be_mended(window: Window) -> None:
    page = window.page
    window.watch.expect([422])
    page.goto("/")
    hands.prompt_of(page).fill("an elk [instant][64px] --repeat 4")
    hands.generate_of(page).click()
    expect(hands.prompt_of(page)).to_have_attribute("aria-invalid", "true")
    looks.audit(page)

    hands.prompt_of(page).fill("an elk [instant][64px]")
    expect(page.locator(".bar-error")).to_have_count(0)
    expect(hands.prompt_of(page)).to_have_attribute("aria-invalid", "false")
    hands.generate_of(page).click()
    hands.expect_word(hands.newest(page), "Ready")


def test_a_refused_address_leads_back_to_the_bar(window: Window) -> None:
    window.watch.expect([422])
    window.page.goto("/")
    hands.generate_of(window.page).click()
    window.page.wait_for_url("**/generate/")
    window.page.goto("/generate/")
    expect(hands.prompt_of(window.page)).to_be_visible()


def test_the_reason_is_said_while_one_writes(page: Page) -> None:
    page.goto("/")
    hands.prompt_of(page).fill("an elk --turbo")
    expect_reason(page, "--turbo changes the price and is not offered yet. Remove it.")
    hands.prompt_of(page).fill("an elk")
    expect(page.locator("#bar-notes")).to_be_empty()


def test_a_short_wallet_says_what_is_missing_and_keeps_the_draft(
    open_window: Open, backstage: Backstage
) -> None:
    poor = backstage.person(credits=3)
    window = open_window(poor)
    page = window.page
    window.watch.expect([402])
    page.goto("/")
    expect_reason(page, "Needs 4 credits; 3 available.")
    hands.prompt_of(page).fill("an elk in the mist")
    hands.prompt_of(page).press("Control+Enter")
    page.wait_for_url("**/generate/")
    expect(hands.prompt_of(page)).to_have_value("an elk in the mist")
    expect_reason(page, "This needs 4 credits and 3 are available. Nothing was ordered")
    assert backstage.orders(poor) == 0
    looks.audit(page)

    hands.choose_model(page, "Flux Schnell")
    expect(hands.generate_of(page)).to_contain_text("1 credit")
    expect(page.locator("#bar-notes")).to_be_empty()


@pytest.fixture
def nobody_paints(studio: Studio) -> Iterator[None]:
    assert studio.manage("provider", "pause", "sandbox").returncode == 0
    yield
    assert studio.manage("provider", "resume", "sandbox").returncode == 0


@pytest.mark.usefixtures("nobody_paints")
def test_without_a_provider_the_bar_says_so(
    window: Window, backstage: Backstage, person: Person
) -> None:
    page = window.page
    window.watch.expect([422])
    page.goto("/")
    expect_reason(page, "No provider for this model is set up.")
    hands.prompt_of(page).fill("an elk in the mist")
    hands.prompt_of(page).press("Control+Enter")
    page.wait_for_url("**/generate/")
    expect(hands.prompt_of(page)).to_have_value("an elk in the mist")
    expect_reason(page, "Nothing was ordered.")
    assert backstage.orders(person) == 0


@pytest.mark.parametrize("ratio", ["21:9", "7:4", "9:16"])
def test_the_chip_shows_the_ratio_of_the_prompt(page: Page, ratio: str) -> None:
    page.goto("/")
    chip = page.locator("#bar-ratio")
    expect(chip).to_have_text("1:1")
    hands.prompt_of(page).fill(f"dunes at noon --ar {ratio}")
    expect(chip).to_have_text(ratio)
    page.goto(f"/?prompt=dunes --ar {ratio}")
    expect(chip).to_have_text(ratio)
    hands.prompt_of(page).fill("dunes")
    expect(chip).to_have_text("1:1")


def test_a_chip_that_the_prompt_overrules_says_so(page: Page) -> None:
    page.goto("/?prompt=dunes --ar 21:9")
    page.locator("summary", has_text="Ratio").click()
    page.get_by_role("radio", name="16:9").check()
    expect(page.locator("#bar-notes")).to_have_text(
        "The prompt asks for 21:9, which decides. Remove its --ar to use 16:9."
    )
    expect(page.locator("#bar-ratio")).to_have_text("21:9")


def expect_reason(page: Page, reason: str) -> None:
    """By the field, for eyes, and as its description, for ears."""
    expect(page.locator("#bar-notes")).to_contain_text(reason)
    expect(hands.prompt_of(page)).to_have_accessible_description(re.compile(re.escape(reason)))
