"""Whoever changes money behind the ledger's back is found, and the row is named."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F, QuerySet

from accounts.billing import triggers
from accounts.billing.models import Hold, LedgerEntry, Lot, LotDraw, Wallet
from accounts.billing.reconcile import faults
from accounts.models import Team
from tests.billing.money import capture, expire, give, promise, release, reverse, spend

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(team: Team) -> Team:
    """Six entries: two deposits, three captures, a reversal; one hold active, one released."""
    gift, paid = give(team, 5), give(team, 20)
    for amount in (4, 3, 2):
        spend(team, amount)
    reverse(paid, 1)
    promise(team, 6)
    release(promise(team, 1))
    assert expire(gift.created_at) == 0
    return team


@contextmanager
def tampering() -> Iterator[None]:
    """As somebody with the database's password could."""
    connection.check_constraints()
    triggers.lift(connection)
    yield
    connection.check_constraints()
    triggers.install(connection)


def entry(team: Team, number: int) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(wallet_id=team.pk, number=number)


def test_a_ledger_that_was_left_alone_has_no_fault(busy: Team) -> None:
    assert faults() == []


def test_an_edited_amount_names_its_entry(busy: Team) -> None:
    with tampering():
        entry(busy, 3).update(amount=F("amount") + 1)
    named = _about_entries(faults())
    assert all(re.search(r"entry 3\b", fault) for fault in named)
    assert any("its fields are not those that were hashed" in fault for fault in named)


def test_an_edit_with_a_recomputed_hash_names_the_entry_after_it(busy: Team) -> None:
    with tampering():
        entry(busy, 3).update(hash="0" * 64)
    assert any("entry 4" in f and "does not follow" in f for f in faults())


def test_a_deleted_entry_is_named(busy: Team) -> None:
    with tampering():
        LotDraw.objects.filter(entry__in=entry(busy, 4)).delete()
        entry(busy, 4).delete()
    assert f"Wallet {busy.pk}: the entries 4 to 4 are missing." in faults()


def test_a_tail_cut_off_is_noticed(busy: Team) -> None:
    with tampering():
        LotDraw.objects.filter(entry__in=entry(busy, 6)).delete()
        entry(busy, 6).delete()
    found = faults()
    assert f"Wallet {busy.pk}: 5 entries are here, 6 were written." in found
    assert f"Wallet {busy.pk}: the last entry is not the last that was written." in found


def test_a_ledger_deleted_whole_is_noticed(busy: Team) -> None:
    with tampering():
        LotDraw.objects.all().delete()
        LedgerEntry.objects.all().delete()
    assert f"Wallet {busy.pk}: 0 entries are here, 6 were written." in faults()


def test_two_swapped_entries_are_both_named(busy: Team) -> None:
    with tampering():
        entry(busy, 3).update(number=99)
        entry(busy, 4).update(number=3)
        entry(busy, 99).update(number=4)
    hashed = [f for f in faults() if "its fields are not those that were hashed" in f]
    assert [("entry 3 " in f, "entry 4 " in f) for f in hashed] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda: Wallet.objects.update(balance=F("balance") + 1), "the balance is"),
        (lambda: Wallet.objects.update(held=F("held") + 1), "held is"),
        (lambda: Wallet.objects.update(debt=F("debt") + 1), "the debt is"),
        (lambda: Lot.objects.filter(credits=20).update(remaining=1), "1 remain of 20"),
        (lambda: Lot.objects.filter(credits=20).update(credits=21), "it differs from lot"),
        (lambda: Hold.objects.filter(captured=3).update(captured=1), "it differs from hold"),
        (lambda: Hold.objects.filter(captured=3).update(reference="x"), "it differs from hold"),
        (lambda: Hold.objects.filter(state="active").update(credits=1), "its active holds sum to"),
        (
            lambda: Hold.objects.filter(state="released").update(state="captured", captured=1),
            "1 captured, and no entry says so",
        ),
    ],
)
def test_a_sum_that_was_moved_is_found(busy: Team, change: Callable[[], int], says: str) -> None:
    assert change() == 1
    assert any(says in fault for fault in faults())


def test_a_lot_from_nowhere_is_found(busy: Team) -> None:
    Lot.objects.create(reference="mine", wallet_id=busy.pk, kind="paid", credits=9, remaining=9)
    assert any("no entry says that it was deposited" in fault for fault in faults())


def test_a_draw_beyond_its_entry_is_found(busy: Team) -> None:
    with tampering():
        LotDraw.objects.filter(entry__in=entry(busy, 3)).update(credits=17)
    assert any("entry 3: it moves -4 and draws 17" in fault for fault in faults())


def test_a_missing_trigger_is_found(busy: Team) -> None:
    connection.check_constraints()
    triggers.lift(connection)
    assert len(faults()) == len(triggers.missing(connection)) > 0


def test_a_hold_captured_in_part_reconciles(team: Team) -> None:
    give(team, 10)
    capture(promise(team, 4), 3)
    assert faults() == []


def test_the_command_says_what_it_looked_at(busy: Team, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("reconcile")
    assert capsys.readouterr().out.startswith(
        "No faults in 1 wallets, 6 entries, 2 lots and 5 holds ("
    )


def test_the_command_fails_with_one_line_a_fault(
    busy: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    Wallet.objects.update(held=1)
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile")
    assert ended.value.code == 1
    assert capsys.readouterr().out == (f"Wallet {busy.pk}: held is 1, its active holds sum to 6.\n")


def test_the_command_speaks_json(busy: Team, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("reconcile", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["faults"], report["entries"]) == ([], 6)


@pytest.mark.django_db(transaction=True)
def test_reading_takes_no_lock_that_a_writer_needs(team: Team) -> None:
    from accounts.billing.reconcile import snapshot
    from tests.billing.racing import together

    give(team, 10)
    with snapshot():
        assert Wallet.objects.get().balance == 10
        together([lambda: give(team, 5)])
        assert Wallet.objects.get().balance == 10
    assert Wallet.objects.get().balance == 15


def _about_entries(found: list[str]) -> list[str]:
    return [fault for fault in found if ", entry " in fault]
