"""The owner changes their mind: before a provider has the order, after, and at that very moment."""

import random
from collections.abc import Callable
from functools import partial

import pytest
from django.utils import timezone

from accounts.billing.models import Hold, LedgerEntry
from accounts.viewer import Viewer
from generations.invariants import faults
from generations.models import AttemptState, Generation, ProviderAccount, Status
from generations.pipeline import dispatch, settle
from generations.pipeline.cancel import AlreadyFinished, Cancelled, cancel
from generations.pipeline.lifecycle import LeaseLost, claim
from tests.billing.racing import together
from tests.generations import world
from tests.generations.driving import step, work
from tests.generations.scripted import FETCH, IMAGINE, Scripted, errs, file, says
from tests.upstream import png


def test_before_acceptance_the_credits_come_back_at_once(committed: None, rich: Viewer):
    row = world.order(rich, "midjourney")

    outcome = cancel(row)

    found = world.fresh(row)
    assert outcome == Cancelled(4)
    assert (found.status, found.due_at) == (Status.CANCELED, None)
    assert found.settled_at is not None
    assert world.sums(rich) == (100, 0)
    assert faults() == []


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.RUNNING, Status.CHECKING])
def test_after_that_it_only_stops_the_waiting(odd: ProviderAccount, rich: Viewer, status: Status):
    row = world.under_way(rich, odd, status=status)

    outcome = cancel(row)

    found = world.fresh(row)
    assert outcome == Cancelled(0)
    assert (found.status, found.error_code) == (status, "")
    assert found.stop_waiting_at is not None
    assert world.sums(rich) == (100, 1)


def test_stopping_twice_is_stopping_once(odd: ProviderAccount, rich: Viewer):
    row = world.under_way(rich, odd)
    cancel(row)
    first = world.fresh(row).stop_waiting_at

    outcome = cancel(row)

    assert outcome == Cancelled(0)
    assert world.fresh(row).stop_waiting_at == first


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELED])
def test_what_has_ended_cannot_be_cancelled(committed: None, rich: Viewer, status: Status):
    row = world.ready(rich) if status == Status.SUCCEEDED else world.ended(rich, status)
    before = Generation.objects.values().get(pk=row.pk)

    with pytest.raises(AlreadyFinished):
        cancel(row)

    assert Generation.objects.values().get(pk=row.pk) == before


def test_an_image_that_comes_all_the_same_is_kept_and_charged(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd)
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))
    cancel(row)

    work(row)

    assert world.fresh(row).status == Status.SUCCEEDED
    assert world.sums(rich) == (99, 0)
    assert faults() == []


def test_an_image_that_does_not_come_is_not_charged(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd)
    scripted.on(FETCH, says({"task_id": world.attempt_of(row).remote_id, "status": "failed"}))
    cancel(row)

    work(row)

    assert world.fresh(row).status == Status.FAILED
    assert world.sums(rich) == (100, 0)
    assert faults() == []


def test_a_row_that_is_cancelled_while_it_waits_again_returns_its_credits(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    scripted.on(IMAGINE, errs(503))
    row = world.order(rich)
    step(row)

    outcome = cancel(row)

    assert outcome == Cancelled(1)
    assert world.fresh(row).status == Status.CANCELED
    odd.refresh_from_db()
    assert odd.in_flight == 0
    assert faults() == []


def test_cancel_and_dispatch_together_never_do_both(odd: ProviderAccount, rich: Viewer):
    ProviderAccount.objects.update(concurrency=1000)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    ends = []

    for _ in range(100):
        row = world.order(rich)
        acts: list[Callable[[], object]] = [partial(cancel, row), partial(intend, row)]
        chance.shuffle(acts)
        together(acts)
        ends.append(end_of(row))
        # The next round finds the wallet and the account as this one did.
        if ends[-1][0] == Status.SUBMITTING:
            settle_as_failed(row)

    assert set(ends) <= {(Status.CANCELED, 0, "released"), (Status.SUBMITTING, 1, "active")}
    assert LedgerEntry.objects.filter(kind="capture").count() == 0
    assert world.sums(rich) == (100, 0)
    assert faults() == []


def intend(row: Generation) -> object:
    """What a worker does up to the moment before the first byte leaves."""
    held = claim(row.pk, worker="w1")
    if held is None:
        return None
    try:
        intent = dispatch._intend(held)
        if intent is not None:
            dispatch._mark_sent(intent.claim, intent.attempt)
    except LeaseLost:
        return None
    return intent


def end_of(row: Generation) -> tuple[str, int, str]:
    sent = row.attempts.filter(state=AttemptState.SENT).count()
    hold = Hold.objects.get(reference=row.hold_reference)
    return world.fresh(row).status, sent, hold.state


def settle_as_failed(row: Generation) -> None:
    world.change(row, lease_until=world.long_ago(seconds=1), stop_waiting_at=None)
    world.change(row, deadline_at=timezone.now())
    held = claim(row.pk, worker="w2")
    assert held is not None
    settle.fail(held, settle.Reason("internal"))
