"""From no account at all to a picture that is kept, its credits on the ledger."""

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from imagestudio.lib.ids import new_id
from tests.journeys import hands, looks
from tests.journeys.conftest import Open, Window

PROMPT = "a cyberpunk cityscape at night --ar 16:9"
# Notes every percentage that a card has shown, and that the page was never loaded again.
REMEMBER = """() => {
  window.percents = [];
  const look = () => document.querySelectorAll("article.card[data-percent]").forEach((card) => {
    const percent = Number(card.dataset.percent);
    if (window.percents.at(-1) !== percent) window.percents.push(percent);
  });
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def newcomer() -> dict[str, str]:
    return {"email": f"grace.{new_id().hex[-8:]}@example.com", "password": "a long walk by the sea"}


def test_a_newcomer_makes_keeps_and_downloads_four_images(
    open_window: Open, newcomer: dict[str, str]
) -> None:
    window = open_window()
    page = window.page
    sign_up(page, newcomer)
    expect(hands.available(page)).to_have_text("20")
    looks.audit(page)

    order_the_first(page)
    watch_it_come(page, window)
    picture = find_it_in_the_gallery(page)
    read_its_page(page)
    see_the_money(page)

    page.goto(picture)
    assert PROMPT.partition(" --")[0] in downloaded_words(page)
    log_out(page)


def sign_up(page: Page, newcomer: dict[str, str]) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Email").fill(newcomer["email"])
    page.get_by_label("Password").fill(newcomer["password"])
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Confirm your address")).to_be_visible()
    looks.audit(page)
    page.get_by_label("Code").fill(code_from_the_mailbox(page, newcomer["email"]))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="What do you want to see?")).to_be_visible()


def code_from_the_mailbox(page: Page, email: str) -> str:
    """Read in another tab, through the link on the page."""
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="mailbox").click(modifiers=["Control"])
    mailbox = opening.value
    letter = mailbox.locator("article", has_text=email).first
    words = letter.locator(".letter-body").inner_text()
    found = re.search(r"\b[A-Z0-9]{4}-?[A-Z0-9]{2,4}\b", words)
    assert found, words
    looks.audit(mailbox)
    mailbox.close()
    return found[0]


def order_the_first(page: Page) -> None:
    hands.prompt_of(page).fill(PROMPT)
    expect(page.locator("#bar-ratio")).to_have_text("16:9")
    expect(hands.generate_of(page)).to_contain_text("4 credits")
    hands.generate_of(page).click()
    expect(hands.newest(page)).to_contain_text("4 held")
    expect(hands.available(page)).to_have_text("16")
    expect(hands.prompt_of(page)).to_have_value("")
    page.evaluate(REMEMBER)


def watch_it_come(page: Page, window: Window) -> None:
    card = hands.newest(page)
    expect(card.locator(".card-stage")).to_contain_text("%", timeout=hands.SETTLED_MS)
    looks.audit(page)
    hands.expect_word(card, "Ready")
    percents: Any = page.evaluate("() => window.percents")
    assert len(percents) >= 3, percents
    assert percents == sorted(percents)
    assert window.watch.count("/live/stream") >= 1
    assert window.watch.count("/live/changes") == 0
    expect(hands.pictures(card)).to_have_count(4)
    expect(card).to_contain_text("4 credits")
    expect(hands.available(page)).to_have_text("16")
    looks.audit(page)


def find_it_in_the_gallery(page: Page) -> str:
    page.get_by_role("link", name="Gallery").click()
    expect(page.get_by_text("4 images")).to_be_visible()
    images = page.locator(".gallery-item img.tile-image")
    expect(images).to_have_count(4)
    ratios: Any = images.evaluate_all("all => all.map((i) => i.naturalWidth / i.naturalHeight)")
    assert all(abs(ratio - 16 / 9) < 0.03 for ratio in ratios), ratios
    looks.audit(page)
    page.locator(".gallery-item a").first.click()
    return page.url


def read_its_page(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(PROMPT)
    timeline = page.get_by_role("region", name="Timeline")
    for moment in ("Submitted", "Sent", "Accepted", "Rendered", "Safe in your library"):
        expect(timeline).to_contain_text(moment)
    expect(page.get_by_role("region", name="Credits")).to_contain_text("−4")
    looks.audit(page)
    page.keyboard.press("2")
    expect(page).to_have_url(re.compile("/2/$"))


def see_the_money(page: Page) -> None:
    page.get_by_role("region", name="Credits").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Credits", exact=True)).to_be_visible()
    page.get_by_role("link", name="Credits").first.click()
    expect(page.locator("#funds")).to_contain_text("16")
    lines = page.get_by_role("table").filter(has_text="Balance").get_by_role("row")
    expect(lines.nth(1)).to_contain_text("−4")
    expect(lines.nth(1)).to_contain_text("16")
    expect(lines.nth(2)).to_contain_text("+20")
    looks.audit(page)


def downloaded_words(page: Page) -> str:
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download with prompt").click()
    with Image.open(io.BytesIO(downloading.value.path().read_bytes())) as image:
        assert abs(image.width / image.height - 16 / 9) < 0.03
        return " ".join(str(value) for value in image.info.values())


def log_out(page: Page) -> None:
    page.locator("summary.account-summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.goto("/gallery/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
