"""Pages hear of changes by themselves: one stream a browser, and questions where it is blocked."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys import hands
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import Open, Window

PROMPT = "an elk [slow:4][64px]"


def test_two_tabs_share_one_stream_and_both_are_told(window: Window) -> None:
    first, second = window.page, window.context.new_page()
    first.goto("/")
    card = hands.order(first, PROMPT)
    second.goto("/")
    for tab in (first, second):
        mark(tab)
        expect(hands.newest(tab)).to_contain_text("4 held")
    locks: Any = first.evaluate("() => navigator.locks.query()")
    assert (len(locks["held"]), len(locks["pending"])) == (1, 1)
    for tab in (first, second):
        hands.expect_word(hands.newest(tab), "Ready")
        assert is_still_marked(tab)
    expect(hands.pictures(card)).to_have_count(4)
    expect(hands.available(second)).to_have_text("16")
    # The first page was left for the one behind the order, and took the stream along.
    assert window.watch.count("/live/stream") == 2


def test_a_blocked_stream_is_replaced_by_questions(window: Window) -> None:
    page = window.page
    page.route("**/live/stream", lambda route: route.abort())
    page.goto("/")
    card = hands.order(page, "an elk [slow:6][64px]")
    mark(page)
    hands.expect_word(card, "Ready")
    assert is_still_marked(page)
    expect(hands.pictures(card)).to_have_count(4)
    assert window.watch.count("/live/changes") >= 1


def test_the_page_of_an_order_fills_itself(
    open_window: Open, person: Person, backstage: Backstage
) -> None:
    (order,) = backstage.order(person, [PROMPT])
    page = open_window(person).page
    page.goto(f"/g/{order}/")
    mark(page)
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("Safe in your library", timeout=hands.SETTLED_MS)
    expect(page.locator(".filmstrip img.tile-image")).to_have_count(4)
    assert is_still_marked(page)


def test_credits_move_on_a_page_that_only_looks_at_them(
    open_window: Open, person: Person, backstage: Backstage
) -> None:
    page = open_window(person).page
    page.goto("/credits/")
    expect(page.locator("#funds [data-main]")).to_contain_text("20")
    page.wait_for_timeout(500)  # the stream opens
    backstage.order(person, ["an elk [slow:3][64px]"])
    expect(page.locator("#funds [data-main]")).to_contain_text("16", timeout=hands.SETTLED_MS)
    expect(hands.available(page)).to_have_text("16")


def mark(page: Page) -> None:
    """Written on the page itself: a page loaded anew would not have it."""
    page.evaluate("() => { window.isStillThisPage = true; }")


def is_still_marked(page: Page) -> bool:
    return bool(page.evaluate("() => window.isStillThisPage === true"))
