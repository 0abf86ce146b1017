"""Acts that meet: real threads, real transactions, on whichever database runs."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.billing import credits, lots
from accounts.billing.models import Hold, LedgerEntry
from accounts.billing.reconcile import faults
from accounts.models import Team
from tests.billing.money import capture, expire, give, promise, release, remaining, reverse, sums
from tests.billing.racing import together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 100


def test_of_a_capture_and_a_release_exactly_one_wins(team: Team) -> None:
    give(team, ROUNDS)
    captured = 0
    for _ in range(ROUNDS):
        reference = promise(team, 1)
        results = together([partial(capture, reference, 1), partial(release, reference)])
        lost = [result for result in results if result is not None]
        assert [type(result) for result in lost] == [credits.AlreadyResolved]
        captured += results[0] is None
    assert sums(team) == (ROUNDS - captured, 0)
    assert LedgerEntry.objects.filter(kind="capture").count() == captured
    assert Hold.objects.filter(state="active").count() == 0
    assert faults() == []


def test_no_more_is_held_than_there_is(team: Team) -> None:
    give(team, 10)
    results = Counter(type(r) for r in together([partial(promise, team, 1)] * 16))
    assert results == {str: 10, credits.InsufficientCredits: 6}
    assert sums(team) == (10, 10)
    assert faults() == []


def test_one_reference_is_held_once(team: Team) -> None:
    give(team, 10)

    def hold() -> None:
        with transaction.atomic():
            credits.hold(team.pk, credits=4, reference="one gesture")

    assert together([hold] * 8) == [None] * 8
    assert sums(team) == (10, 4)


def test_a_first_deposit_from_many_sides_makes_one_wallet(team: Team) -> None:
    results = together([partial(give, team, 5, key=f"payment {n}") for n in range(8)])
    assert not [result for result in results if isinstance(result, Exception)]
    assert sums(team) == (40, 0)
    assert faults() == []


def test_one_payment_is_deposited_once(team: Team) -> None:
    results = together([partial(give, team, 5, key="payment 7")] * 8)
    assert not [result for result in results if isinstance(result, Exception)]
    assert sums(team) == (5, 0)
    assert faults() == []


def test_one_refund_is_taken_back_once(team: Team) -> None:
    lot = give(team, 5)
    results = together([partial(reverse, lot, 5, key="refund 1")] * 8)
    assert not [result for result in results if isinstance(result, Exception)]
    assert sums(team) == (0, 0)
    assert faults() == []


def test_two_refunds_cannot_exceed_one_deposit(team: Team) -> None:
    lot = give(team, 5)
    results = together([partial(reverse, lot, 3) for _ in range(6)])
    assert Counter(type(r) for r in results) == {LedgerEntry: 1, credits.BeyondDeposit: 5}
    assert sums(team) == (2, 0)
    assert faults() == []


def test_captures_and_deposits_keep_one_chain(team: Team) -> None:
    for _ in range(6):
        give(team, 5)
    references = [promise(team, 3) for _ in range(10)]
    acts: list[Callable[[], object]] = [partial(capture, hold, 3) for hold in references]
    acts += [partial(give, team, 2) for _ in range(6)]
    assert not [r for r in together(acts) if isinstance(r, Exception)]
    assert sums(team) == (12, 0)
    numbers = LedgerEntry.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 23))
    assert faults() == []


def test_expiry_never_takes_what_is_promised_meanwhile(team: Team) -> None:
    now = timezone.now()
    lots = [give(team, 4, expires_at=now - timedelta(days=1)) for _ in range(3)]
    reference = promise(team, 2)
    results = together(
        [partial(expire, now)] * 3
        + [partial(promise, team, 1)] * 4
        + [partial(capture, reference, 2)]
    )
    errors = [r for r in results if isinstance(r, Exception)]
    assert {type(e) for e in errors} <= {credits.InsufficientCredits}
    expire(now)
    held = 4 - len(errors)
    assert sums(team) == (held, held)
    assert sum(remaining(*lots)) == held
    assert faults() == []


@pytest.mark.postgres
def test_a_hold_placed_while_credits_expire_keeps_its_credits(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer, so there the hold would wait for the expiry to end."""
    now = timezone.now()
    give(team, 10, expires_at=now - timedelta(days=1))
    _meanwhile(monkeypatch, after="draw", act=partial(promise, team, 4))
    assert expire(now) == 6
    assert sums(team) == (4, 4)
    assert faults() == []


@pytest.mark.postgres
def test_a_lot_emptied_while_it_is_drawn_gives_what_it_has_left(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = give(team, 4), give(team, 10)
    mine, other = promise(team, 4), promise(team, 3)
    _meanwhile(monkeypatch, after="in_draw_order", act=partial(capture, other, 3))
    capture(mine, 4)
    assert remaining(first, second) == [0, 7]
    assert sums(team) == (7, 0)
    assert faults() == []


def _meanwhile(monkeypatch: pytest.MonkeyPatch, *, after: str, act: Callable[[], object]) -> None:
    """Right after this step of the next verb, let another connection commit an act."""
    step = getattr(lots, after)

    def step_then_act(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(lots, after, step)
        found = step(*args, **kwargs)
        found = found if isinstance(found, dict) else list(found)
        assert not isinstance(together([act])[0], Exception)
        return found

    monkeypatch.setattr(lots, after, step_then_act)
