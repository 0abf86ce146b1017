"""Claims are exclusive, writes are fenced, and a status moves only along the table."""

from datetime import timedelta
from functools import partial
from itertools import product

import pytest
from django.db.models import Q
from django.utils import timezone

from accounts.viewer import Viewer
from generations.models import OPEN, TERMINAL, Generation, Status
from generations.pipeline.lifecycle import (
    MOVES,
    Claim,
    LeaseLost,
    advance,
    claim,
    claimable,
    finish,
    let_go,
    move,
    nudge,
    renew,
    write,
)
from tests.billing.racing import together
from tests.generations import world
from tests.generations.driving import lease_runs_out

PAIRS = list(product(Status, Status))
ALLOWED = {(before, after) for before, afters in MOVES.items() for after in afters}
# Written down a second time, by hand, from the table of states that people are promised.
PROMISED = {
    ("QUEUED", "SUBMITTING"), ("QUEUED", "CANCELED"), ("QUEUED", "FAILED"),
    ("SUBMITTING", "QUEUED"), ("SUBMITTING", "RUNNING"), ("SUBMITTING", "CHECKING"),
    ("SUBMITTING", "COLLECTING"), ("SUBMITTING", "FAILED"),
    ("CHECKING", "RUNNING"), ("CHECKING", "FAILED"),
    ("RUNNING", "NEEDS_INPUT"), ("RUNNING", "COLLECTING"), ("RUNNING", "FAILED"),
    ("NEEDS_INPUT", "RUNNING"), ("NEEDS_INPUT", "FAILED"),
    ("COLLECTING", "SUCCEEDED"), ("COLLECTING", "FAILED"),
    ("FAILED", "SUCCEEDED"),
}  # fmt: skip


@pytest.fixture
def row(rich: Viewer) -> Generation:
    return world.order(rich)


@pytest.fixture
def shared_row(committed: None, rich: Viewer) -> Generation:
    """Seen by other threads."""
    return world.order(rich)


def taken(row: Generation, worker: str = "w1") -> Claim:
    held = claim(row.pk, worker=worker)
    assert held is not None
    return held


def test_the_table_of_moves_is_the_promised_one():
    assert {(str(a), str(b)) for a, b in ALLOWED} == PROMISED
    assert set(OPEN) | set(TERMINAL) == set(Status)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_status_moves_only_as_the_table_says(row: Generation, before: Status, after: Status):
    world.change(row, status=before)
    held = taken(row)
    allowed = (before, after) in ALLOWED

    if allowed:
        assert advance(held, after).status is after
    else:
        with pytest.raises(ValueError, match="never becomes"):
            advance(held, after)
        with pytest.raises(ValueError, match="never becomes"):
            move(row.pk, expected=before, to=after)

    assert world.fresh(row).status == (after if allowed else before)


def test_one_of_many_workers_gets_the_row(shared_row: Generation):
    claims = together([partial(claim, shared_row.pk, worker=f"w{n}") for n in range(16)])

    assert len([c for c in claims if isinstance(c, Claim)]) == 1
    assert [c for c in claims if isinstance(c, Exception)] == []
    assert world.fresh(shared_row).fence == 1


def test_a_row_that_is_not_due_is_nobody_s(row: Generation):
    world.change(row, due_at=timezone.now() + timedelta(minutes=1))

    assert claim(row.pk, worker="w1") is None
    assert claimable(limit=10) == []


def test_a_row_whose_worker_vanished_is_claimed_with_a_higher_fence(row: Generation):
    first = taken(row)
    assert claim(row.pk, worker="w2") is None
    lease_runs_out(row)

    second = taken(row, "w2")

    assert second.fence == first.fence + 1
    assert (first.barren, second.barren) == (1, 2)


@pytest.mark.parametrize(
    "act",
    [
        lambda held: write(held, percent=50),
        lambda held: advance(held, Status.SUBMITTING),
        lambda held: let_go(held, due_at=None),
    ],
)
def test_a_zombie_changes_nothing(row: Generation, act):
    zombie = taken(row)
    lease_runs_out(row)
    taken(row, "w2")
    before = Generation.objects.values().get(pk=row.pk)

    with pytest.raises(LeaseLost):
        act(zombie)

    assert Generation.objects.values().get(pk=row.pk) == before


def test_a_claim_ends_when_the_owner_moves_the_row(row: Generation):
    held = taken(row)

    assert move(row.pk, expected=Status.QUEUED, to=Status.CANCELED)

    with pytest.raises(LeaseLost):
        write(held, percent=50)
    assert not move(row.pk, expected=Status.QUEUED, to=Status.CANCELED)


def test_a_claim_that_ends_well_is_not_barren(row: Generation):
    lease_runs_out(row)
    held = taken(row)

    let_go(held, due_at=timezone.now() - timedelta(seconds=1))

    assert taken(row).barren == 1


def test_letting_go_keeps_a_nudge_that_came_meanwhile(row: Generation):
    held = taken(row)
    nudge(row.pk, expected={Status.QUEUED})

    let_go(held, due_at=timezone.now() + timedelta(hours=1))

    assert claimable(limit=10) == [row.pk]


def test_a_row_at_its_end_is_brought_back_by_no_nudge(row: Generation):
    world.change(row, status=Status.COLLECTING)
    held = taken(row)
    nudge(row.pk, expected={Status.COLLECTING})

    finish(advance(held, Status.SUCCEEDED))
    nudge(row.pk, expected={Status.RUNNING, Status.FAILED})

    assert world.fresh(row).due_at is None
    assert claimable(limit=10) == []


def test_letting_go_plans_the_next_look(row: Generation):
    held, later = taken(row), timezone.now() + timedelta(hours=1)

    let_go(held, due_at=later)

    found = world.fresh(row)
    assert (found.due_at, found.lease_until) == (later, None)
    assert claimable(limit=10) == []


def test_the_heartbeat_renews_what_its_own_worker_holds(rich: Viewer):
    mine, theirs, free = world.orders(rich, count=3)
    taken(mine, "w1")
    taken(theirs, "w2")
    for held in (mine, theirs):
        lease_runs_out(held)

    renew([mine.pk, theirs.pk, free.pk], worker="w1")

    assert claimable(limit=10) == [theirs.pk, free.pk]


def test_the_longest_due_is_claimed_first(rich: Viewer):
    rows = world.orders(rich, count=3)
    for minutes, row in enumerate(rows):
        world.change(row, due_at=timezone.now() - timedelta(minutes=minutes + 1))

    assert claimable(limit=2) == [rows[2].pk, rows[1].pk]
    assert claimable(limit=9, among=Q(status=Status.RUNNING)) == []
