"""Keyboard alone, small screens, large letters, less motion."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import hands
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import Open

PAGES = ("/", "/gallery/", "/credits/", "/mailbox/", "/accounts/password/change/")
DOORS = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")


@pytest.fixture(scope="module")
def maker(backstage: Backstage) -> Person:
    """With one of each: four images, one image, and one that came to nothing."""
    maker = backstage.person()
    backstage.order(maker, ["an elk in the mist [instant][128px] --ar 21:9"])
    backstage.order(maker, ["a fisherman [instant][128px]"], model="flux-schnell")
    backstage.order(maker, ["a banner " + "for the march " * 20 + "[content-filter][instant]"])
    backstage.wait_for(maker)
    return maker


def test_the_main_job_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    keys.press("n")
    expect(hands.prompt_of(page)).to_be_focused()
    keys.type("an elk 1 4 n [instant][64px]")
    keys.press("Tab")
    keys.press("Enter")  # the models open
    keys.press("Tab")
    keys.press("ArrowDown")
    expect(hands.generate_of(page)).to_contain_text("1 credit")
    keys.press("ArrowUp")
    expect(hands.generate_of(page)).to_contain_text("4 credits")
    keys.press("Escape")
    expect(page.locator("summary", has_text="Model")).to_be_focused()
    keys.press("Shift+Tab")
    keys.press("Control+Enter")
    card = hands.newest(page)
    hands.expect_word(card, "Ready")
    expect(card).to_contain_text("an elk 1 4 n")

    tab_to(page, "article.card .sheet .tile-link")
    keys.press("3")
    expect(page).to_have_url(re.compile("/3/$"))
    expect(page.get_by_text("Safe in your library")).to_be_visible()
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    keys.press("Escape")
    keys.press("Escape")
    expect(hands.prompt_of(page)).to_be_visible()


def test_keys_are_off_while_one_writes_and_can_be_switched_off(
    open_window: Open, maker: Person
) -> None:
    page = open_window(maker).page
    page.goto("/")
    hands.prompt_of(page).press("?")
    expect(hands.prompt_of(page)).to_have_value("?")
    page.locator("summary.account-summary").click()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("checkbox", name="Listen to keys").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_wider_than_a_small_screen(open_window: Open, maker: Person, width: int) -> None:
    size = {"width": width, "height": 640}
    visitor = open_window(viewport=size).page
    for path in DOORS:
        visitor.goto(path)
        hands.expect_no_sideways_scroll(visitor)
    page = open_window(maker, viewport=size).page
    for path in (*PAGES, *addresses(page)):
        page.goto(path)
        hands.expect_no_sideways_scroll(page)


def test_nothing_breaks_with_letters_twice_as_large(open_window: Open, maker: Person) -> None:
    page = open_window(maker, viewport={"width": 1280, "height": 800}).page
    for path in (*PAGES, *addresses(page), *DOORS):
        page.goto(path)
        page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
        hands.expect_no_sideways_scroll(page)
    page.goto("/")
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    expect(hands.generate_of(page)).to_be_in_viewport(ratio=1)


def test_on_a_phone_four_images_are_two_by_two(open_window: Open, maker: Person) -> None:
    page = open_window(maker, viewport={"width": 390, "height": 844}, has_touch=True).page
    page.goto("/")
    boxes: Any = page.locator('.sheet[data-columns="4"] .tile').evaluate_all(
        "all => all.map((tile) => { const b = tile.getBoundingClientRect(); return [b.x, b.y]; })"
    )
    assert len(boxes) == 4
    assert len({round(x) for x, _ in boxes}) == 2
    assert len({round(y) for _, y in boxes}) == 2
    for target in page.locator("summary.choice-summary, .nav-link, .bar-submit").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, target.inner_text()


def test_less_motion_is_no_motion(open_window: Open, person: Person) -> None:
    page = open_window(person, reduced_motion="reduce").page
    page.goto("/")
    hands.order(page, "an elk [slow:3][64px]")
    expect(hands.newest(page).locator(".card-stage")).to_contain_text("%", timeout=30_000)
    moving: Any = page.evaluate(
        """() => document.getAnimations()
          .filter((a) => a.effect.getComputedTiming().duration > 0).length"""
    )
    assert moving == 0
    hands.expect_word(hands.newest(page), "Ready")


def addresses(page: Page) -> list[str]:
    """Of everything the person has made."""
    page.goto("/")
    links: Any = page.locator("article.card h2 a").evaluate_all("all => all.map((a) => a.href)")
    assert len(links) == 3
    return list(links)


def tab_to(page: Page, selector: str) -> None:
    """Tab, either way round, until the focus is there."""
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"no way by keyboard to {selector}")
