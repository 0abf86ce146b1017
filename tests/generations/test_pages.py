"""The bar, the stream, the gallery and the page of one image, as a browser meets them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.viewer import Viewer
from generations import cards, queries, wording
from generations.models import Generation, ProviderAccount, Status
from generations.tiles import large
from tests.generations import world


@pytest.fixture
def away(db: None) -> ProviderAccount:
    """An account whose server nobody needs to reach here."""
    return world.account("http://127.0.0.1:9")


def fields(client: Client, **change: str) -> dict[str, str]:
    """What a browser posts from a freshly rendered bar."""
    page = client.get("/").content.decode()
    token = re.search(r'name="token"\s+value="([^"]+)"', page)
    price = re.search(r'name="price"\s+value="(\d+)"', page)
    assert token
    assert price
    filled = {"token": token[1], "price": price[1], "model": "midjourney", "prompt": "a heron"}
    return filled | change


def page_of(response: Any) -> str:
    return str(response.content.decode())


# --- Ordering ----------------------------------------------------------------------------------


def test_a_press_places_the_order_at_the_price_shown(
    client: Client, rich: Viewer, away: ProviderAccount
):
    answer = client.post("/generate/", fields(client, ratio="16:9"))

    row = Generation.objects.get()
    assert answer.status_code == 302
    assert (row.prompt, row.price_credits) == ("a heron", 4)
    assert row.parameters["aspect_ratio"] == "16:9"
    assert world.sums(rich) == (100, 4)


@pytest.mark.parametrize(
    ("model", "count", "price"), [("midjourney", "1", 4), ("flux-schnell", "3", 3)]
)
def test_the_quote_is_the_price_that_is_held(
    client: Client, rich: Viewer, away: ProviderAccount, model: str, count: str, price: int
):
    asked = {"prompt": "a heron", "model": model, "count": count}
    quoted = re.search(r'name="price"\s+value="(\d+)"', page_of(client.get("/quote/", asked)))
    assert quoted

    client.post("/generate/", fields(client, **asked, price=quoted[1]))

    assert int(quoted[1]) == price
    assert world.sums(rich) == (100, price)


def test_a_double_press_is_one_order(client: Client, rich: Viewer, away: ProviderAccount):
    posted = fields(client)

    answers = [client.post("/generate/", posted).status_code for _ in range(3)]

    assert answers == [302, 302, 302]
    assert Generation.objects.count() == 1


def test_each_rendering_brings_a_token_of_its_own(
    client: Client, rich: Viewer, away: ProviderAccount
):
    assert fields(client)["token"] != fields(client)["token"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"prompt": "my draft --repeat 4"}, 422, "would order several times over"),
        ({"prompt": "my draft {a,b}"}, 422, "Write one version"),
        ({"prompt": "my draft", "model": "dall-e"}, 422, "There is no model of that name"),
        ({"prompt": "my draft", "ratio": "7:1"}, 422, "Choose one of"),
        ({"prompt": "my draft", "price": "3"}, 409, "The price is now 4 credits"),
        ({"prompt": "my draft", "price": "9" * 5000}, 409, "The price is now 4 credits"),
        ({"prompt": "my draft", "model": "flux-schnell", "count": "9" * 5000}, 422, "whole number"),
    ],
)
def test_a_refusal_keeps_the_draft_and_orders_nothing(
    client: Client,
    rich: Viewer,
    away: ProviderAccount,
    change: dict[str, str],
    status: int,
    words: str,
):
    answer = client.post("/generate/", fields(client, **change))

    assert answer.status_code == status
    assert words in page_of(answer)
    assert "my draft" in page_of(answer)
    assert Generation.objects.count() == 0
    assert world.sums(rich) == (100, 0)


def test_a_wallet_that_is_too_small_keeps_the_draft(
    client: Client, viewer: Viewer, away: ProviderAccount
):
    world.fund(viewer, 3)

    answer = client.post("/generate/", fields(client, prompt="my draft"))

    assert answer.status_code == 402
    assert "This needs 4 credits and 3 are available." in page_of(answer)
    assert "my draft" in page_of(answer)
    assert Generation.objects.count() == 0


def test_without_a_provider_the_bar_says_so(client: Client, rich: Viewer):
    answer = client.post("/generate/", fields(client, prompt="my draft"))

    assert answer.status_code == 422
    assert "No provider for this model is set up" in page_of(answer)
    assert Generation.objects.count() == 0


def test_the_price_on_the_page_is_the_new_one_after_a_change(
    client: Client, rich: Viewer, away: ProviderAccount
):
    answer = client.post("/generate/", fields(client, price="1"))

    assert re.search(r'name="price"\s+value="4"', page_of(answer))


@pytest.mark.parametrize("path", ["/", "/quote/"])
@pytest.mark.parametrize(
    "query",
    [
        {"count": "9" * 5000, "model": "flux-schnell"}, {"model": "x" * 500}, {"ratio": "\x00"},
        {"prompt": "\x00"}, {"prompt": "x" * 9000}, {"cursor": "nonsense"}, {"cursor": "9" * 400},
        {"count": "\u0663", "model": "flux-schnell"}, {"count": "-1", "model": "flux-schnell"},
    ],
)  # fmt: skip
def test_nonsense_in_an_address_is_no_error(
    client: Client, rich: Viewer, away: ProviderAccount, path: str, query: dict[str, str]
):
    assert client.get(path, query).status_code == 200


def test_cancelling_says_what_came_back(client: Client, rich: Viewer, away: ProviderAccount):
    row = world.order(rich, "midjourney")

    page = page_of(client.post(reverse("cancel", args=[row.public_id]), follow=True))
    again = page_of(client.post(reverse("cancel", args=[row.public_id]), follow=True))

    assert "Cancelled. 4 credits returned." in page
    assert "It had already ended; nothing was changed." in again
    assert world.fresh(row).status == Status.CANCELED


# --- What pages say ----------------------------------------------------------------------------

SCRIPT = '<script>alert("x")</script>" onload="y'


def test_what_people_write_is_never_markup(client: Client, rich: Viewer, away: ProviderAccount):
    ready, failed = world.ready(rich), world.ended(rich, Status.FAILED)
    world.change(ready, prompt=SCRIPT)
    world.change(failed, prompt=SCRIPT, error_reason=SCRIPT, error_code="invalid")
    paths = ["/", "/gallery/", f"/?prompt={SCRIPT}", "/credits/"]
    paths += [reverse("generation", args=[row.public_id]) for row in (ready, failed)]
    paths += [reverse("card", args=[row.public_id]) for row in (ready, failed)]

    pages = [page_of(client.get(path)) for path in paths]

    assert [p for p, page in zip(paths, pages, strict=True) if "<script>alert" in page] == []
    assert [p for p, page in zip(paths, pages, strict=True) if '" onload="' in page] == []
    assert sum("&lt;script&gt;alert" in page for page in pages) >= 6


def test_the_log_in_is_asked_for_and_the_draft_comes_along(visitor: Client):
    answer = visitor.post("/generate/", {"prompt": "my draft", "model": "flux-schnell"})

    assert answer.status_code == 302
    assert "my%2520draft" in answer["Location"] or "my%2Bdraft" in answer["Location"]
    assert Generation.objects.count() == 0


@pytest.mark.parametrize("name", ["create", "gallery"])
def test_pages_are_private_and_checked_again(client: Client, rich: Viewer, name: str):
    answer = client.get(reverse(name))

    assert "private" in answer["Cache-Control"]
    assert "no-cache" in answer["Cache-Control"] or "no-store" in answer["Cache-Control"]


def test_a_cancelled_order_leaves_a_quiet_note(client: Client, rich: Viewer):
    row = world.ended(rich, Status.CANCELED)

    pages = [page_of(client.get("/")), page_of(client.get(card_of(rich, row).url))]

    for page in pages:
        assert "Cancelled before a provider had it." in page
        assert "1 credit returned" in page
        assert "Edit prompt" in page


@pytest.mark.parametrize(("width", "height"), [(2048, 1024), (1024, 2048)])
def test_only_the_page_of_an_image_offers_its_original(
    client: Client, rich: Viewer, width: int, height: int
):
    row = world.ready(rich, model="midjourney")
    asset = row.assets.get(position=1)
    row.assets.update(width=width, height=height)
    original = f"{reverse('original', args=[asset.public_id])} {width}w"

    assert original in page_of(client.get(reverse("image", args=[row.public_id, 2])))
    assert original not in page_of(client.get(reverse("image", args=[row.public_id, 1])))
    assert original not in page_of(client.get("/"))
    assert original not in page_of(client.get("/gallery/"))


def test_a_small_picture_promises_no_more_width_than_it_has(rich: Viewer):
    row = world.ready(rich)
    row.assets.update(width=512, height=256)

    (tile,) = card_of(rich, row).tiles

    assert [part.split()[1] for part in tile.srcset.split(", ")] == ["320w", "512w"]
    assert large(tile) == tile


def test_the_page_of_an_image_shows_asked_and_got(client: Client, rich: Viewer):
    row = world.ready(rich, model="midjourney", good=3)

    page = page_of(client.get(reverse("image", args=[row.public_id, 2])))

    assert "3 credits" in page
    assert "which differs" in page
    assert reverse("download", args=[row.assets.get(position=1).public_id]) in page
    assert client.get(reverse("image", args=[row.public_id, 4])).status_code == 404
    assert client.get(reverse("image", args=[row.public_id, 10**30])).status_code == 404


# --- Words -------------------------------------------------------------------------------------

WORDS = {
    Status.QUEUED: ("Waiting", "4 held"),
    Status.SUBMITTING: ("Rendering", "4 held"),
    Status.RUNNING: ("Rendering", "4 held"),
    Status.CHECKING: ("Checking with the provider", "4 held"),
    Status.NEEDS_INPUT: ("Waiting for your mask", "4 held"),
    Status.COLLECTING: ("Saving your images", "4 held"),
    Status.SUCCEEDED: ("Ready", "4 credits"),
    Status.FAILED: ("Returned", "4 credits returned"),
    Status.CANCELED: ("Cancelled", "4 credits returned"),
}


def card_of(viewer: Viewer, row: Generation) -> cards.Card:
    return cards.card(queries.generation(viewer, row.public_id))


def test_each_status_has_its_word():
    assert set(WORDS) == set(Status)


@pytest.mark.parametrize("status", Status)
def test_a_card_says_where_it_stands_and_what_it_costs(rich: Viewer, status: Status):
    row = world.ready(rich, model="midjourney")
    captured = 4 if status == Status.SUCCEEDED else 0
    world.change(row, status=status, captured_credits=captured, percent=40)

    card = card_of(rich, row)

    assert (card.word, card.money) == WORDS[status]
    assert card.is_open == (status not in {Status.SUCCEEDED, Status.FAILED, Status.CANCELED})
    assert (card.percent == 40) == (card.word == "Rendering")
    assert bool(card.problem) == (status in {Status.FAILED, Status.CANCELED})
    assert bool(card.ready_at) == (status == Status.SUCCEEDED)
    assert len(card.tiles) == 4


@pytest.mark.parametrize(
    ("status", "label"),
    [
        (Status.QUEUED, "Cancel, returns 4 credits"), (Status.SUBMITTING, "Stop waiting"),
        (Status.RUNNING, "Stop waiting"), (Status.CHECKING, "Stop waiting"),
        (Status.COLLECTING, ""), (Status.SUCCEEDED, ""), (Status.FAILED, ""), (Status.CANCELED, ""),
    ],
)  # fmt: skip
def test_a_card_offers_to_cancel_where_that_helps(rich: Viewer, status: Status, label: str):
    row = world.order(rich, "midjourney")
    world.change(row, status=status)

    card = card_of(rich, row)

    assert (card.cancel_label if card.cancel_url else "") == label


def test_past_its_usual_time_a_card_says_slow(rich: Viewer):
    row = world.order(rich, "midjourney")
    world.change(row, status=Status.RUNNING, sent_at=world.long_ago(hours=1))

    assert card_of(rich, row).word == "Slow"


def test_whoever_stopped_waiting_is_told_what_follows(rich: Viewer):
    row = world.order(rich, "midjourney")
    world.change(row, status=Status.RUNNING, stop_waiting_at=timezone.now())

    card = card_of(rich, row)

    assert card.detail.startswith("You stopped waiting.")
    assert card.cancel_url == ""


def test_a_card_that_checks_says_until_when(rich: Viewer):
    row = world.order(rich)
    until = timezone.now().replace(hour=23, minute=41)
    world.change(row, status=Status.CHECKING, unknown_until=until)

    assert "by 23:41 at the latest" in card_of(rich, row).detail


def test_a_part_says_what_is_missing_and_what_came_back(rich: Viewer):
    card = card_of(rich, world.ready(rich, model="midjourney", good=3))

    assert card.money == "3 credits, 1 returned"
    assert "3 of 4 images" in f"{card.problem} {card.advice}"


def test_what_came_late_is_said_to_be_free(rich: Viewer):
    row = world.ready(rich)
    world.change(row, delivered_free_at=timezone.now(), captured_credits=0)

    card = card_of(rich, row)

    assert card.money == "free"
    assert "free" in card.detail


def test_a_waiting_card_says_its_place(rich: Viewer):
    rows = world.orders(rich, count=3)
    for seconds, row in enumerate(rows):
        world.change(row, created_at=timezone.now() + timedelta(seconds=seconds))

    assert [card_of(rich, row).detail for row in rows] == ["next", "2 in line", "3 in line"]
    assert [queries.place_in_line(world.fresh(row)) for row in rows] == [1, 2, 3]


@pytest.mark.parametrize("code", [*wording._PROBLEMS, "never heard of", ""])
def test_every_failure_has_a_title_and_advice(rich: Viewer, code: str):
    row = world.ended(rich, Status.FAILED, error_code=code)

    card = card_of(rich, row)

    assert card.problem.endswith(".")
    assert card.advice.endswith(".")
    assert "insufficient" not in card.problem + card.advice


# --- Queries -----------------------------------------------------------------------------------


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize("status", ["ready", *sorted(set(Status) - {Status.SUCCEEDED})])
def test_a_longer_stream_asks_no_more_questions(
    client: Client, rich: Viewer, away: ProviderAccount, status: str
):
    def one_more() -> None:
        row = world.ready(rich) if status == "ready" else world.order(rich)
        if status != "ready":
            world.change(row, status=status, sent_at=timezone.now())

    one_more()
    few = queries_of(client, "/")
    for _ in range(6):
        one_more()

    assert queries_of(client, "/") == few


def test_a_fuller_gallery_asks_no_more_questions(client: Client, rich: Viewer):
    world.ready(rich)
    few = queries_of(client, "/gallery/")
    for _ in range(8):
        world.ready(rich)

    assert queries_of(client, "/gallery/") == few
    assert "9 images" in page_of(client.get("/gallery/"))


def test_the_gallery_turns_its_pages_by_cursor(
    client: Client, rich: Viewer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("generations.views.gallery.GALLERY_SIZE", 3)
    rows = [world.ready(rich) for _ in range(7)]
    seen, cursor = [], ""
    for _ in range(3):
        answer = client.get("/gallery/", {"cursor": cursor})
        seen += [tile.asset_id for tile in answer.context["tiles"]]
        cursor = answer.context["next_cursor"]

    assert seen == [row.assets.get().public_id for row in reversed(rows)]
    assert cursor == ""
