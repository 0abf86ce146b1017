"""Everything that matters works in a browser that runs no scripts."""

import pytest
from playwright.sync_api import expect

from tests.journeys import hands
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import Early, Open, Window


@pytest.fixture
def plain(open_window: Open) -> Window:
    return open_window(java_script_enabled=False)


@pytest.fixture
def owner(backstage: Backstage, early: Early) -> Person:
    backstage.wait_for(early.busy, seconds=100)
    return early.busy


def test_log_in_order_and_see_it_finish(plain: Window, person: Person) -> None:
    page = plain.page
    page.goto("/")
    hands.log_in(page, person)
    page.get_by_text("Model").first.click()
    page.get_by_role("radio", name="Flux Schnell").check()
    hands.prompt_of(page).fill("an elk in the mist [slow:3][64px]")
    plain.watch.expect([409])
    hands.generate_of(page).click()
    # The price on the button was Midjourney's: nothing is ordered at another one unasked.
    expect(page.locator("#bar-notes")).to_contain_text("The price is now 1 credit")
    hands.generate_of(page).click()
    expect(hands.newest(page)).to_contain_text("1 held")
    # The page loads itself again, every few seconds.
    hands.expect_word(hands.newest(page), "Ready")
    expect(hands.pictures(hands.newest(page))).to_have_count(1)
    expect(hands.available(page)).to_have_text("19")

    hands.newest(page).locator("h2 a").click()
    expect(page.get_by_text("Safe in your library")).to_be_visible()
    page.get_by_role("link", name="Credits").first.click()
    expect(page.locator("#funds")).to_contain_text("19")


def test_a_refused_draft_is_kept_and_not_loaded_away(plain: Window, person: Person) -> None:
    page = plain.page
    page.goto("/")
    hands.log_in(page, person)
    hands.prompt_of(page).fill("an elk [stuck]")
    hands.generate_of(page).click()
    expect(hands.newest(page)).to_contain_text("4 held")
    expect(page.locator("noscript meta, head meta[http-equiv=refresh]")).to_have_count(1)
    page.get_by_role("link", name="Hold it still").click()
    plain.watch.expect([422])
    hands.prompt_of(page).fill("an elk --repeat 4")
    hands.generate_of(page).click()
    expect(hands.prompt_of(page)).to_have_value("an elk --repeat 4")
    expect(page.locator("noscript meta, head meta[http-equiv=refresh]")).to_have_count(0)


def test_gallery_and_stream_turn_their_pages(plain: Window, owner: Person) -> None:
    page = plain.page
    page.goto("/gallery/")
    hands.log_in(page, owner)
    images = page.locator(".gallery-item")
    expect(page.get_by_text("68 images")).to_be_visible()
    expect(images).to_have_count(60)
    page.get_by_role("link", name="Older images").click()
    expect(images).to_have_count(8)
    images.last.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("elk number")
    page.get_by_role("link", name="Create").first.click()
    expect(page.locator("article.card")).to_have_count(12)
    page.get_by_role("link", name="Earlier work").click()
    expect(page.locator("article.card")).to_have_count(5)


def test_with_scripts_older_work_joins_the_page(open_window: Open, owner: Person) -> None:
    page = open_window(owner).page
    page.goto("/gallery/")
    page.get_by_role("link", name="Older images").click()
    expect(page.locator(".gallery-item")).to_have_count(68)
    expect(page.get_by_role("heading", level=2)).to_have_count(1)
    page.goto("/")
    page.get_by_role("link", name="Earlier work").click()
    expect(page.locator("article.card")).to_have_count(17)
