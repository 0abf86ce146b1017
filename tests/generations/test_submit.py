"""A gesture becomes rows and holds in one transaction, once, whatever Redis does."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.billing.credits import InsufficientCredits
from accounts.billing.models import Hold
from accounts.viewer import Viewer
from generations import pricing
from generations.catalog.spec import find
from generations.invariants import faults
from generations.models import Generation, Status
from generations.pipeline.submit import PriceChanged, Terms, submit
from generations.request import parse
from imagestudio.lib import queue
from tests.billing.racing import together
from tests.generations import world


def test_the_hold_and_the_row_come_together(committed: None, rich: Viewer):
    row = world.order(rich, "midjourney", prompt="a cat --ar 16:9")

    found = world.fresh(row)
    assert (found.status, found.price_credits, found.images_expected) == (Status.QUEUED, 4, 4)
    assert found.parameters == {"aspect_ratio": "16:9"}
    assert found.due_at is not None
    assert Hold.objects.get(reference=found.hold_reference).credits == 4
    assert world.sums(rich) == (100, 4)
    assert faults() == []


def test_neither_is_there_when_the_row_cannot_be_written(committed: None, rich: Viewer):
    nobody = Viewer(user_id=10**6, team_id=rich.team_id, role=rich.role)

    with pytest.raises(Exception, match=r"FOREIGN KEY|foreign key"):
        world.order(nobody)

    assert Generation.objects.count() == 0
    assert Hold.objects.count() == 0
    assert world.sums(rich) == (100, 0)


def test_the_same_key_again_gives_the_first_order(committed: None, rich: Viewer):
    first = world.order(rich, key="one gesture")

    again = world.order(rich, "midjourney", key="one gesture", prompt="something else")

    assert again == first
    assert (Generation.objects.count(), Hold.objects.count()) == (1, 1)


def test_the_same_key_of_another_team_is_another_order(committed: None, rich: Viewer):
    _, other = world.person("bob@example.com", amount=5)

    first, second = world.order(rich, key="k"), world.order(other, key="k")

    assert first != second
    assert (first.team_id, second.team_id) == (rich.team_id, other.team_id)


@pytest.mark.parametrize("amount", [1, 5, 30])
def test_twenty_presses_at_once_are_one_order(committed: None, viewer: Viewer, amount: int):
    world.fund(viewer, amount)

    placed = together([lambda: world.order(viewer, key="one gesture")] * 20)

    assert [p for p in placed if isinstance(p, Exception)] == []
    assert {p.pk for p in placed if isinstance(p, Generation)} == {Generation.objects.get().pk}
    assert world.sums(viewer) == (amount, 1)
    assert faults() == []


def test_twenty_presses_of_a_batch_are_one_batch(committed: None, viewer: Viewer):
    world.fund(viewer, 3)

    placed = together([lambda: world.orders(viewer, key="one gesture", count=3)] * 20)

    assert [p for p in placed if isinstance(p, Exception)] == []
    assert all(isinstance(p, list) and len(p) == 3 for p in placed)
    assert Generation.objects.count() == 3
    assert world.sums(viewer) == (3, 3)
    assert faults() == []


def test_a_batch_is_siblings_with_a_hold_each(committed: None, rich: Viewer):
    rows = world.orders(rich, count=3, key="batch")

    assert len({row.batch for row in rows}) == 1
    assert rows[0].batch is not None
    assert [row.submit_key for row in rows] == ["batch", None, None]
    assert len({row.hold_reference for row in rows}) == Hold.objects.count() == 3
    assert world.orders(rich, count=3, key="batch") == rows


def test_a_batch_that_the_wallet_cannot_cover_leaves_nothing(committed: None, viewer: Viewer):
    world.fund(viewer, 2)

    with pytest.raises(InsufficientCredits) as refused:
        world.orders(viewer, count=3)

    assert refused.value.available <= 2
    assert Generation.objects.count() == Hold.objects.count() == 0
    assert world.sums(viewer) == (2, 0)


def test_a_refusal_names_the_price_of_the_whole_order(committed: None, viewer: Viewer):
    world.fund(viewer, 2)

    with pytest.raises(InsufficientCredits) as refused:
        world.orders(viewer, count=3)

    assert (refused.value.needed, refused.value.available) == (3, 2)


def test_a_refused_gesture_may_be_made_again(committed: None, viewer: Viewer):
    with pytest.raises(InsufficientCredits):
        world.order(viewer, key="k")
    world.fund(viewer, 1)

    row = world.order(viewer, key="k")

    assert row.status == Status.QUEUED


def test_a_price_that_was_not_shown_is_not_taken(committed: None, rich: Viewer):
    request = parse(find("midjourney"), {"prompt": "a cat"})

    with pytest.raises(PriceChanged) as refused:
        submit(rich, request, terms=Terms(price_seen=3))

    assert refused.value.price == pricing.price(request) == 4
    assert Generation.objects.count() == Hold.objects.count() == 0


def test_many_at_once_never_spend_what_is_not_there(committed: None, viewer: Viewer):
    world.fund(viewer, 5)

    placed = together([lambda: world.order(viewer)] * 16)

    refused = [p for p in placed if isinstance(p, InsufficientCredits)]
    assert (len(refused), Generation.objects.count()) == (11, 5)
    assert len([p for p in placed if isinstance(p, Generation)]) == 5
    assert world.sums(viewer) == (5, 5)
    assert faults() == []


# --- The bell ---------------------------------------------------------------------------------


def test_the_bell_rings_after_the_commit_alone(
    rich: Viewer, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
):
    with django_capture_on_commit_callbacks() as bells, transaction.atomic():
        queue.ring(queue.RING_GENERATION, 1)

    with django_capture_on_commit_callbacks() as none:
        undo_a_ring()

    assert (len(bells), none) == (1, [])


def undo_a_ring() -> None:
    try:
        with transaction.atomic():
            queue.ring(queue.RING_GENERATION, 1)
            raise LookupError
    except LookupError:
        return


@pytest.fixture
def deaf_redis(tmp_path: Path, settings: Settings) -> Iterator[None]:
    """It takes connections and never says a word: the worst way to be gone."""
    path = tmp_path / "deaf.sock"
    kept = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(64)
        listening.settimeout(0.1)
        over = threading.Event()

        def take() -> None:
            while not over.is_set():
                try:
                    kept.append(listening.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=take)
        thread.start()
        settings.REDIS_URL = f"unix://{path}"
        queue._steps.cache_clear()
        yield
        queue._steps.cache_clear()
        over.set()
        thread.join()
        for line in kept:
            line.close()


def test_a_batch_is_taken_within_two_seconds_with_redis_deaf(
    committed: None, rich: Viewer, deaf_redis: None
):
    began = time.monotonic()
    rows = world.orders(rich, count=4)
    took = time.monotonic() - began

    assert len(rows) == Generation.objects.count() == 4
    assert took < 2


def test_an_order_is_taken_at_once_with_redis_gone(
    committed: None, rich: Viewer, settings: Settings, tmp_path: Path
):
    settings.REDIS_URL = f"unix://{tmp_path / 'nobody.sock'}"
    queue._steps.cache_clear()

    began = time.monotonic()
    row = world.order(rich)
    took = time.monotonic() - began

    queue._steps.cache_clear()
    assert world.fresh(row).status == Status.QUEUED
    assert took < 2
