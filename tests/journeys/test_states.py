"""Each state that an order can be in: the word, the money, and what can be done about it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import hands, looks
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import Early, Open


@pytest.fixture
def providers_pause(backstage: Backstage) -> Iterator[None]:
    backstage.quiet(seconds=600)
    yield
    backstage.quiet(seconds=0)


def test_the_first_page_teaches_by_example(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="What do you want to see?")).to_be_visible()
    expect(page.locator(".sample")).to_have_count(4)
    expect(page.locator(".sample").first).to_contain_text("4 credits")
    page.locator(".sample").first.click()
    expect(hands.prompt_of(page)).to_have_value(
        "A cyberpunk cityscape at night, neon lights on wet streets --ar 16:9"
    )
    expect(page.locator("#bar-ratio")).to_have_text("16:9")
    page.goto("/gallery/")
    expect(page.get_by_role("heading", name="Every finished image lands here")).to_be_visible()
    looks.audit(page)
    page.get_by_role("link", name="Make the first one").click()
    expect(hands.prompt_of(page)).to_be_visible()


@pytest.mark.usefixtures("providers_pause")
def test_waiting_says_its_place_and_can_be_cancelled(page: Page) -> None:
    page.goto("/")
    card = hands.order(page, "an elk that waits")
    hands.expect_word(card, "Waiting")
    expect(card).to_contain_text("next")
    expect(card).to_contain_text("4 held")
    expect(hands.available(page)).to_have_text("16")
    looks.audit(page)

    card.get_by_role("button", name="Cancel, returns 4 credits").click()
    expect(page.locator(".toast")).to_contain_text("Cancelled. 4 credits returned.")
    hands.expect_word(card, "Cancelled")
    expect(card).to_contain_text("4 credits returned")
    expect(hands.available(page)).to_have_text("20")
    looks.audit(page)
    page.locator(".toast").get_by_role("button", name="Close").click()
    expect(page.locator(".toast")).to_have_count(0)


def test_rendering_can_be_given_up_and_says_where_the_money_goes(page: Page) -> None:
    page.goto("/")
    card = hands.order(page, "an elk that is given up [stuck]")
    expect(card.get_by_role("button", name="Stop waiting")).to_be_visible(timeout=30_000)
    card.get_by_role("button", name="Stop waiting").click()
    expect(page.locator(".toast")).to_contain_text("We stopped waiting.")
    expect(card).to_contain_text("If the image still comes, it is kept and charged.")
    expect(card).to_contain_text("4 held")
    expect(card.get_by_role("button", name="Stop waiting")).to_have_count(0)


def test_an_order_without_an_answer_is_checked(page: Page) -> None:
    page.goto("/")
    card = hands.order(page, "an elk [accept-then-reset][no-webhook]")
    hands.expect_word(card, "Checking with the provider")
    expect(card).to_contain_text("The answer got lost on the way. Settled by")
    expect(card).to_contain_text("4 held")
    looks.audit(page)
    open_page(page, card)
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("In progress")
    looks.audit(page)


def test_an_order_past_its_time_is_slow_and_can_be_left(
    page: Page, person: Person, backstage: Backstage
) -> None:
    page.goto("/")
    card = hands.order(page, "an elk [stuck]")
    expect(card.locator(".card-stage")).to_contain_text("%", timeout=30_000)
    backstage.age(person, seconds=600)
    hands.expect_word(card, "Slow")
    expect(card).to_contain_text("still rendering at the provider; you can leave")
    expect(card).to_contain_text("4 held")
    looks.audit(page)


@pytest.mark.parametrize(
    ("tag", "title"),
    [
        ("content-filter", "The provider declined the prompt."),
        ("provider-failed", "The provider failed; it was not your prompt."),
    ],
)
def test_what_comes_to_nothing_is_returned(page: Page, tag: str, title: str) -> None:
    page.goto("/")
    hands.order(page, f"an elk [{tag}][instant][64px]", model="Flux Schnell")
    expect_returned(page, tag, title)


def test_what_could_not_be_fetched_is_returned(open_window: Open, early: Early) -> None:
    page = open_window(early.html).page
    page.goto("/")
    expect_returned(page, "html", "It was rendered, but no intact image could be fetched.")


def expect_returned(page: Page, tag: str, title: str) -> None:
    card = hands.newest(page)
    hands.expect_word(card, "Returned")
    expect(card).to_contain_text(title)
    expect(card).to_contain_text("1 credit returned")
    expect(hands.available(page)).to_have_text("20")
    looks.audit(page)
    open_page(page, card)
    expect(page.get_by_text(title)).to_be_visible()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("1 credit returned")
    looks.audit(page)
    page.get_by_role("link", name="Edit prompt").click()
    expect(hands.prompt_of(page)).to_have_value(f"an elk [{tag}][instant][64px]")


def test_three_of_four_are_shown_beside_the_reason(open_window: Open, early: Early) -> None:
    page = open_window(early.partial).page
    page.goto("/")
    card = hands.newest(page)
    hands.expect_word(card, "Ready")
    expect(hands.pictures(card)).to_have_count(3)
    expect(card).to_contain_text("3 of 4 images are here; 1 could not be fetched.")
    expect(card).to_contain_text("You were charged for what is here only.")
    expect(card).to_contain_text("3 credits, 1 returned")
    expect(card.locator(".tile-missing")).to_have_text("Not delivered")
    expect(hands.available(page)).to_have_text("17")
    looks.audit(page)
    open_page(page, card)
    expect(page.locator(".detail-stage img.tile-image")).to_be_visible()
    expect(page.get_by_text("3 of 4 images are here; 1 could not be fetched.")).to_be_visible()
    looks.audit(page)
    page.get_by_role("link", name="Use again").click()
    expect(page.locator("#bar-ratio")).to_have_text("7:4")
    expect(page.locator(".bar-error")).to_have_count(0)


def test_a_single_picture_bears_no_number(page: Page) -> None:
    page.goto("/")
    card = hands.order(page, "an elk alone [instant][64px]", model="Flux Schnell")
    hands.expect_word(card, "Ready")
    expect(hands.pictures(card)).to_have_count(1)
    expect(card.locator(".tile-number")).to_have_count(0)
    expect(card).to_contain_text("1 credit")


def test_two_clicks_are_one_order(page: Page, person: Person, backstage: Backstage) -> None:
    page.goto("/")
    hands.prompt_of(page).fill("an elk, once [instant][64px]")
    hands.generate_of(page).dblclick()
    hands.expect_word(hands.newest(page), "Ready")
    expect(page.locator("article.card")).to_have_count(1)
    expect(hands.available(page)).to_have_text("16")
    assert backstage.orders(person) == 1


def test_back_and_forward_show_pages_as_they_are(page: Page) -> None:
    page.goto("/")
    card = hands.order(page, "an elk [instant][64px]")
    hands.expect_word(card, "Ready")
    open_page(page, card)
    page.go_back()
    hands.expect_word(hands.newest(page), "Ready")
    page.go_forward()
    expect(page.get_by_text("Safe in your library")).to_be_visible()
    page.go_back()
    # The bar can be used again, though its form was sent from this page before.
    hands.order(page, "an elk in the snow [instant][64px]")
    expect(page.locator("article.card")).to_have_count(2)


def test_a_draft_outlives_the_session(
    open_window: Open, person: Person, backstage: Backstage
) -> None:
    page = open_window(person).page
    page.goto("/")
    hands.prompt_of(page).fill("a long thought")
    page.context.clear_cookies(name=person.cookie)
    hands.prompt_of(page).fill("a long thought about an elk --ar 3:2")
    page.wait_for_timeout(1200)  # longer than the bar waits before it asks for a price
    expect(hands.prompt_of(page)).to_have_value("a long thought about an elk --ar 3:2")
    hands.generate_of(page).click()
    hands.log_in(page, person)
    expect(hands.prompt_of(page)).to_have_value("a long thought about an elk --ar 3:2")
    expect(page.locator("#bar-ratio")).to_have_text("3:2")
    assert backstage.orders(person) == 0


def open_page(page: Page, card: Locator) -> None:
    card.locator("h2 a").first.click()
    expect(page.get_by_role("region", name="Timeline")).to_be_visible()
