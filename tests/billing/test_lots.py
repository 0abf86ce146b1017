"""What is spent first, and what happens to credits past their date."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.billing import credits
from accounts.billing.models import LedgerEntry, LotDraw, LotKind
from accounts.billing.reconcile import faults
from accounts.models import Team
from tests.billing.money import (
    capture,
    expire,
    give,
    movements,
    promise,
    release,
    remaining,
    reverse,
    spend,
    sums,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()
YESTERDAY = NOW - timedelta(days=1)
SOON = NOW + timedelta(days=3)
LATER = NOW + timedelta(days=30)


def test_promotional_then_soonest_then_oldest_is_spent_first(team: Team) -> None:
    lasting = give(team, 10)
    later = give(team, 10, expires_at=LATER)
    younger = give(team, 10)
    soon = give(team, 10, expires_at=SOON)
    gift = give(team, 10, kind=LotKind.PROMOTIONAL)
    lots = [gift, soon, later, lasting, younger]
    for emptied in range(1, 6):
        spend(team, 10)
        assert remaining(*lots) == [0] * emptied + [10] * (5 - emptied)


def test_one_capture_may_draw_on_several_lots(team: Team) -> None:
    gift = give(team, 3, kind=LotKind.PROMOTIONAL)
    paid = give(team, 10)
    spend(team, 5)
    assert remaining(gift, paid) == [0, 8]
    draws = LotDraw.objects.order_by("pk").values_list("lot", "credits")
    assert list(draws) == [(gift.pk, 3), (paid.pk, 2)]


def test_credits_past_their_date_expire(team: Team) -> None:
    old = give(team, 10, expires_at=YESTERDAY)
    lasting = give(team, 5)
    assert expire(NOW) == 10
    assert sums(team) == (5, 0)
    assert remaining(old, lasting) == [0, 5]
    assert movements(team)[-1] == ("expire", -10, 5)


def test_credits_whose_date_has_not_come_stay(team: Team) -> None:
    give(team, 10, expires_at=SOON)
    assert expire(NOW) == 0
    assert sums(team) == (10, 0)


def test_expiring_again_finds_nothing(team: Team) -> None:
    give(team, 10, expires_at=YESTERDAY)
    expire(NOW)
    assert expire(NOW) == 0
    assert LedgerEntry.objects.filter(kind="expire").count() == 1


def test_held_credits_outlive_their_date_until_the_hold_resolves(team: Team) -> None:
    old = give(team, 10, expires_at=YESTERDAY)
    reference = promise(team, 4)
    assert expire(NOW) == 6
    assert sums(team) == (4, 4)
    release(reference)
    assert expire(NOW) == 4
    assert sums(team) == (0, 0)
    assert remaining(old) == [0]
    assert faults() == []


def test_held_credits_past_their_date_are_captured(team: Team) -> None:
    old = give(team, 10, expires_at=YESTERDAY)
    reference = promise(team, 4)
    expire(NOW)
    capture(reference, 4)
    assert sums(team) == (0, 0)
    assert remaining(old) == [0]
    assert faults() == []


def test_several_lots_of_a_wallet_expire_each_with_its_entry(team: Team) -> None:
    lots = [give(team, amount, expires_at=YESTERDAY) for amount in (1, 2, 3)]
    promise(team, 2)
    assert expire(NOW) == 4
    assert sums(team) == (2, 2)
    assert sum(remaining(*lots)) == 2
    assert faults() == []


def test_credits_that_owe_do_not_expire_into_debt(team: Team) -> None:
    spent = give(team, 10)
    spend(team, 10)
    give(team, 6, expires_at=YESTERDAY)
    reverse(spent, 10)
    assert sums(team) == (-4, 0)
    assert expire(NOW) == 0
    assert faults() == []


def test_every_wallet_is_visited_though_each_call_is_bounded(team: Team) -> None:
    give(team, 10, expires_at=LATER)
    busy = Team.objects.create(slug="busy", name="Busy")
    give(busy, 1, expires_at=YESTERDAY)
    promise(busy, 1)
    teams = [Team.objects.create(slug=f"team-{n}", name="Team") for n in range(5)]
    for owner in teams:
        give(owner, 2, expires_at=YESTERDAY)
    taken = [credits.expire(NOW, wallets_max=2) for _ in range(4)]
    assert taken == [4, 4, 2, 0]
