"""Each verb does its act once, whole, and refuses what contradicts it."""

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test import override_settings

from accounts.billing import credits
from accounts.billing.models import Hold, LedgerEntry, Lot, LotDraw, LotKind, Wallet
from accounts.billing.reconcile import faults
from accounts.models import Team
from tests.billing.money import (
    capture,
    debt,
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


def test_a_hold_promises_without_moving(team: Team) -> None:
    give(team, 10)
    promise(team, 4)
    assert sums(team) == (10, 4)
    assert movements(team) == [("deposit", 10, 10)]


def test_a_hold_beyond_what_is_available_says_both_figures(team: Team) -> None:
    give(team, 10)
    promise(team, 7)
    with pytest.raises(credits.InsufficientCredits) as refusal:
        promise(team, 4)
    assert (refusal.value.needed, refusal.value.available) == (4, 3)
    assert sums(team) == (10, 7)
    assert Hold.objects.count() == 1


def test_a_team_without_a_wallet_has_nothing(team: Team) -> None:
    with pytest.raises(credits.InsufficientCredits) as refusal:
        promise(team, 1)
    assert refusal.value.available == 0
    assert sums(team) == (0, 0)
    assert not Wallet.objects.exists()


def test_all_that_is_available_can_be_held(team: Team) -> None:
    give(team, 10)
    promise(team, 10)
    assert sums(team) == (10, 10)


def test_the_same_hold_again_has_no_second_effect(team: Team) -> None:
    give(team, 4)
    reference = promise(team, 4)
    credits.hold(team.pk, credits=4, reference=reference)
    assert sums(team) == (4, 4)


def test_a_hold_of_another_size_under_the_same_reference_is_refused(team: Team) -> None:
    give(team, 10)
    reference = promise(team, 4)
    with pytest.raises(credits.ReferenceTaken):
        credits.hold(team.pk, credits=5, reference=reference)
    assert sums(team) == (10, 4)


def test_a_resolved_hold_cannot_be_placed_again(team: Team) -> None:
    give(team, 10)
    reference = promise(team, 4)
    release(reference)
    with pytest.raises(credits.AlreadyResolved):
        credits.hold(team.pk, credits=4, reference=reference)
    assert sums(team) == (10, 0)


def test_several_holds_are_placed_together_or_not_at_all(team: Team) -> None:
    give(team, 5)

    @transaction.atomic
    def hold_both() -> None:
        credits.hold(team.pk, credits=3, reference="first")
        credits.hold(team.pk, credits=3, reference="second")

    with pytest.raises(credits.InsufficientCredits):
        hold_both()
    assert sums(team) == (5, 0)
    assert not Hold.objects.exists()


def test_a_capture_spends_the_hold(team: Team) -> None:
    lot = give(team, 10)
    reference = spend(team, 4)
    assert sums(team) == (6, 0)
    assert remaining(lot) == [6]
    entry = LedgerEntry.objects.get(kind="capture")
    assert (entry.amount, entry.balance_after) == (-4, 6)
    assert entry.reference == f"capture:{reference}"


def test_a_part_is_captured_and_the_rest_released_in_one_act(team: Team) -> None:
    give(team, 10)
    reference = promise(team, 4)
    capture(reference, 3)
    assert sums(team) == (7, 0)
    assert Hold.objects.values_list("state", "captured").get() == ("captured", 3)


def test_capturing_nothing_releases(team: Team) -> None:
    give(team, 10)
    reference = promise(team, 4)
    capture(reference, 0)
    assert sums(team) == (10, 0)
    assert Hold.objects.get().state == "released"


def test_the_same_capture_again_has_no_second_effect(team: Team) -> None:
    give(team, 10)
    reference = spend(team, 4)
    capture(reference, 4)
    assert sums(team) == (6, 0)
    assert LedgerEntry.objects.filter(kind="capture").count() == 1


def test_another_amount_cannot_be_captured_afterwards(team: Team) -> None:
    give(team, 10)
    reference = spend(team, 4)
    with pytest.raises(credits.AlreadyResolved) as refusal:
        capture(reference, 3)
    assert (refusal.value.state, refusal.value.captured) == ("captured", 4)
    assert sums(team) == (6, 0)


def test_no_more_is_captured_than_was_held(team: Team) -> None:
    give(team, 10)
    reference = promise(team, 4)
    with pytest.raises(credits.BeyondHold):
        capture(reference, 5)
    assert sums(team) == (10, 4)


def test_a_released_hold_is_whole_again_once(team: Team) -> None:
    give(team, 10)
    reference = promise(team, 4)
    release(reference)
    release(reference)
    assert sums(team) == (10, 0)
    assert movements(team) == [("deposit", 10, 10)]


def test_what_was_released_cannot_be_captured(team: Team) -> None:
    give(team, 10)
    reference = promise(team, 4)
    release(reference)
    with pytest.raises(credits.AlreadyResolved):
        capture(reference, 4)
    assert sums(team) == (10, 0)


def test_what_was_captured_cannot_be_released(team: Team) -> None:
    give(team, 10)
    reference = spend(team, 4)
    with pytest.raises(credits.AlreadyResolved):
        release(reference)
    assert sums(team) == (6, 0)


@pytest.mark.parametrize("amount", [0, 2])
def test_an_unknown_hold_cannot_be_resolved(team: Team, amount: int) -> None:
    with pytest.raises(credits.UnknownHold):
        capture("nobody placed this", amount)


def test_a_deposit_opens_a_lot_once(team: Team) -> None:
    first = give(team, 10, key="payment 7")
    second = give(team, 10, key="payment 7")
    assert first == second
    assert sums(team) == (10, 0)
    assert movements(team) == [("deposit", 10, 10)]


@pytest.mark.parametrize(("amount", "kind"), [(11, LotKind.PAID), (10, LotKind.PROMOTIONAL)])
def test_a_deposit_with_other_terms_under_the_same_key_is_refused(
    team: Team, amount: int, kind: LotKind
) -> None:
    give(team, 10, key="payment 7")
    with pytest.raises(credits.ReferenceTaken):
        give(team, amount, kind=kind, key="payment 7")
    assert sums(team) == (10, 0)


def test_a_refused_verb_leaves_nothing_behind_in_a_transaction_that_goes_on(team: Team) -> None:
    other = Team.objects.create(slug="other", name="Other")
    give(team, 10, key="payment 7")
    with transaction.atomic():
        with pytest.raises(credits.ReferenceTaken):
            credits.deposit(other.pk, credits=10, kind=LotKind.PAID, key="payment 7")
        credits.deposit(other.pk, credits=3, kind=LotKind.PAID, key="payment 8")
    assert sums(other) == (3, 0)
    assert faults() == []


def test_a_reversal_takes_back_what_the_lot_has_left(team: Team) -> None:
    reversed_lot, other = give(team, 10), give(team, 10)
    reverse(reversed_lot, 10)
    assert sums(team) == (10, 0)
    assert remaining(reversed_lot, other) == [0, 10]
    assert debt(team) == 0


def test_a_reversal_of_spent_credits_goes_below_zero_and_stops_spending(team: Team) -> None:
    lot = give(team, 10)
    spend(team, 8)
    reverse(lot, 10)
    assert sums(team) == (-8, 0)
    assert debt(team) == 8
    with pytest.raises(credits.InsufficientCredits):
        promise(team, 1)


def test_the_next_deposit_covers_the_debt_first(team: Team) -> None:
    lot = give(team, 10)
    spend(team, 8)
    reverse(lot, 10)
    next_lot = give(team, 20)
    assert sums(team) == (12, 0)
    assert remaining(next_lot) == [12]
    assert debt(team) == 0
    assert faults() == []


def test_a_debt_larger_than_the_deposit_leaves_its_lot_empty(team: Team) -> None:
    lot = give(team, 10)
    spend(team, 8)
    reverse(lot, 10)
    next_lot = give(team, 5)
    assert sums(team) == (-3, 0)
    assert remaining(next_lot) == [0]
    assert debt(team) == 3
    assert faults() == []


def test_a_hold_that_a_reversal_undercut_is_still_captured(team: Team) -> None:
    lot = give(team, 10)
    reference = promise(team, 4)
    reverse(lot, 10)
    capture(reference, 4)
    assert sums(team) == (-4, 0)
    assert debt(team) == 4
    assert faults() == []


def test_the_same_reversal_again_has_no_second_effect(team: Team) -> None:
    lot = give(team, 10)
    first = reverse(lot, 10, key="refund 1")
    assert reverse(lot, 10, key="refund 1") == first
    assert sums(team) == (0, 0)


def test_a_reversal_with_other_terms_under_the_same_key_is_refused(team: Team) -> None:
    lot = give(team, 10)
    reverse(lot, 4, key="refund 1")
    with pytest.raises(credits.ReferenceTaken):
        reverse(lot, 5, key="refund 1")
    assert sums(team) == (6, 0)


def test_no_more_is_reversed_than_was_deposited(team: Team) -> None:
    lot = give(team, 10)
    give(team, 50)
    reverse(lot, 4)
    with pytest.raises(credits.BeyondDeposit):
        reverse(lot, 7)
    assert sums(team) == (56, 0)
    assert remaining(lot) == [6]


def test_an_unknown_deposit_cannot_be_reversed(team: Team) -> None:
    with pytest.raises(credits.UnknownDeposit):
        credits.reverse("never made", credits=1, key="refund 1")


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1", True, 10**12 + 1, None])
def test_only_whole_positive_amounts_move(team: Team, amount: int) -> None:
    give(team, 10)
    with pytest.raises(ValueError, match="whole numbers"):
        credits.hold(team.pk, credits=amount, reference="a hold")
    with pytest.raises(ValueError, match="whole numbers"):
        credits.deposit(team.pk, credits=amount, kind=LotKind.PAID, key="a deposit")
    assert sums(team) == (10, 0)


def test_welcome_credits_are_given_once(team: Team) -> None:
    with override_settings(WELCOME_CREDITS=20):
        credits.welcome(team)
        credits.welcome(team)
    with override_settings(WELCOME_CREDITS=30):
        credits.welcome(team)
    assert sums(team) == (20, 0)
    assert Lot.objects.get().kind == LotKind.PROMOTIONAL


def test_no_welcome_credits_make_no_wallet(team: Team) -> None:
    with override_settings(WELCOME_CREDITS=0):
        credits.welcome(team)
    assert not Wallet.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_every_verb_demands_a_transaction(team: Team) -> None:
    lot = give(team, 10)
    reference = promise(team, 4)
    acts = [
        lambda: credits.hold(team.pk, credits=1, reference="new"),
        lambda: credits.capture(reference, credits=4),
        lambda: credits.release(reference),
        lambda: credits.deposit(team.pk, credits=1, kind=LotKind.PAID, key="new"),
        lambda: credits.expire(lot.created_at),
        lambda: credits.reverse(lot.reference, credits=1, key="new"),
    ]
    for act in acts:
        with pytest.raises(transaction.TransactionManagementError, match="atomic"):
            act()
    assert sums(team) == (10, 4)


def test_the_database_refuses_a_negative_hold_whoever_writes(team: Team) -> None:
    give(team, 10)
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.filter(pk=team.pk).update(held=-1)


def test_the_database_refuses_a_resolution_that_contradicts_itself(team: Team) -> None:
    give(team, 10)
    promise(team, 4)
    for fields in ({"state": "captured"}, {"captured": 4}, {"state": "released", "captured": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Hold.objects.update(**fields)


def test_no_column_about_money_holds_a_fraction() -> None:
    fractional = (models.FloatField, models.DecimalField)
    for model in (Wallet, Lot, Hold, LedgerEntry, LotDraw):
        assert not [f for f in model._meta.get_fields() if isinstance(f, fractional)]


def test_a_capture_asks_the_database_a_fixed_number_of_times(
    team: Team, django_assert_max_num_queries: object
) -> None:
    for _ in range(12):
        give(team, 1)
    reference = promise(team, 1)
    with django_assert_max_num_queries(13):  # type: ignore[operator]
        capture(reference, 1)
    assert connection.in_atomic_block
