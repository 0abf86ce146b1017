"""Prove the sums: wallets, lots and holds against the ledger, row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, Sum, Value
from django.db.models.functions import Coalesce, Concat

from accounts.billing import triggers, walk
from accounts.billing.models import EntryKind, Hold, HoldState, LedgerEntry, Lot, LotDraw, Wallet

ROWS_AT_ONCE = walk.ROWS_AT_ONCE


@dataclass(frozen=True, slots=True)
class Report:
    faults: list[str]
    wallets: int
    entries: int
    lots: int
    holds: int


def faults() -> list[str]:
    """One sentence a fault, naming the row; empty when all is well."""
    with snapshot():
        return _faults()


def report() -> Report:
    with snapshot():
        return Report(
            faults=_faults(),
            wallets=Wallet.objects.count(),
            entries=LedgerEntry.objects.count(),
            lots=Lot.objects.count(),
            holds=Hold.objects.count(),
        )


@contextmanager
def snapshot() -> Iterator[None]:
    """One moment of a database in use, without stopping its writers.

    Inside a transaction, whoever opened it answers for that.
    """
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "postgresql":
        with transaction.atomic():
            _execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    # atomic() would ask SQLite for the right to write; a reader needs only to begin.
    _execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        _execute("ROLLBACK")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _faults() -> list[str]:
    checks = (
        walk.faults,
        _bound_faults,
        _held_faults,
        _hold_faults,
        _lot_faults,
        _draw_faults,
        _cover_faults,
        _trigger_faults,
    )
    return [fault for check in checks for fault in check()]


def _bound_faults() -> Iterator[str]:
    """What the database's own CHECKs refuse, should somebody have dropped them."""
    for wallet in Wallet.objects.filter(Q(held__lt=0) | Q(debt__lt=0)):
        yield f"Wallet {wallet.pk}: held {wallet.held} and debt {wallet.debt} cannot be negative."
    for lot in Lot.objects.filter(Q(remaining__lt=0) | Q(remaining__gt=F("credits"))):
        yield f"Lot {lot.pk}: {lot.remaining} of {lot.credits} cannot remain."


def _held_faults() -> Iterator[str]:
    active = Hold.objects.filter(state=HoldState.ACTIVE).order_by()
    promised = dict(active.values_list("wallet_id").annotate(Sum("credits")))
    for pk, held in Wallet.objects.values_list("pk", "held").iterator(chunk_size=ROWS_AT_ONCE):
        if held != promised.get(pk, 0):
            yield f"Wallet {pk}: held is {held}, its active holds sum to {promised.get(pk, 0)}."


def _hold_faults() -> Iterator[str]:
    """Each captured hold has one entry that says the same; no other hold has any."""
    entry = LedgerEntry.objects.filter(hold=OuterRef("pk"), kind=EntryKind.CAPTURE)
    bare = Hold.objects.filter(~Exists(entry), state=HoldState.CAPTURED)
    for hold in bare.iterator(chunk_size=ROWS_AT_ONCE):
        yield f"Hold {hold.reference}: {hold.captured} captured, and no entry says so."
    says_the_same = Q(
        hold__state=HoldState.CAPTURED,
        hold__captured=Value(0) - F("amount"),
        hold__wallet_id=F("wallet_id"),
        reference=Concat(Value("capture:"), F("hold__reference")),
    )
    captures = LedgerEntry.objects.filter(kind=EntryKind.CAPTURE).filter(~says_the_same)
    for row in captures.select_related("hold").iterator(chunk_size=ROWS_AT_ONCE):
        yield f"Wallet {row.wallet_id}, entry {row.number}: it differs from hold {row.hold}."


def _lot_faults() -> Iterator[str]:
    """Each lot has one deposit of its size, and what is gone from it was drawn."""
    lots = Lot.objects.order_by("pk").annotate(drawn=Coalesce(Sum("draws__credits"), 0))
    for lot in lots.exclude(remaining=F("credits") - F("drawn")).iterator(chunk_size=ROWS_AT_ONCE):
        yield f"Lot {lot.pk}: {lot.remaining} remain of {lot.credits}, yet {lot.drawn} were drawn."
    entry = LedgerEntry.objects.filter(lot=OuterRef("pk"), kind=EntryKind.DEPOSIT)
    bare = Lot.objects.filter(~Exists(entry)).values_list("pk", flat=True)
    for pk in bare.iterator(chunk_size=ROWS_AT_ONCE):
        yield f"Lot {pk}: no entry says that it was deposited."
    same = Q(lot__credits=F("amount"), lot__wallet_id=F("wallet_id"))
    for row in LedgerEntry.objects.filter(kind=EntryKind.DEPOSIT).filter(~same):
        yield f"Wallet {row.wallet_id}, entry {row.number}: it differs from lot {row.lot_id}."


def _draw_faults() -> Iterator[str]:
    """No entry draws more than it moves, and an expiry draws all of it."""
    draws = LotDraw.objects.order_by("entry_id").values_list(
        "entry__wallet_id", "entry__number", "entry__kind", "entry__amount", "entry_id"
    )
    sums = draws.annotate(drawn=Sum("credits"))
    for wallet_id, number, kind, amount, _, drawn in sums.iterator(chunk_size=ROWS_AT_ONCE):
        if drawn > abs(amount) or (kind == EntryKind.EXPIRE and drawn != -amount):
            yield f"Wallet {wallet_id}, entry {number}: it moves {amount} and draws {drawn}."


def _cover_faults() -> Iterator[str]:
    """A balance is the rest of the lots less the debt; the debt is what no lot has covered."""
    rest = dict(Lot.objects.order_by().values_list("wallet_id").annotate(Sum("remaining")))
    spent = LedgerEntry.objects.filter(amount__lt=0).order_by()
    taken = dict(spent.values_list("wallet_id").annotate(Sum("amount")))
    draws = LotDraw.objects.order_by()
    drawn = dict(draws.values_list("lot__wallet_id").annotate(Sum("credits")))
    for wallet in Wallet.objects.iterator(chunk_size=ROWS_AT_ONCE):
        owed = -taken.get(wallet.pk, 0) - drawn.get(wallet.pk, 0)
        if wallet.debt != owed:
            yield f"Wallet {wallet.pk}: the debt is {wallet.debt}, its entries leave {owed} open."
        covered = rest.get(wallet.pk, 0) - wallet.debt
        if wallet.balance != covered:
            yield (
                f"Wallet {wallet.pk}: the balance is {wallet.balance},"
                f" its lots less its debt are {covered}."
            )


def _trigger_faults() -> Iterator[str]:
    for name in triggers.missing(connection):
        yield f"The trigger {name} is missing; `manage.py migrate` puts it back."
