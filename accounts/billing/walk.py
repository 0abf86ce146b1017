"""Walk each ledger from its first entry to its last, and say where it does not hold together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from accounts.billing import chain
from accounts.billing.models import LedgerEntry, Wallet

ROWS_AT_ONCE = 5000
_FIELDS = (
    "wallet_id", "number", "kind", "amount", "balance_after", "reference", "hold_id", "lot_id",
    "created_at", "previous_hash", "hash", "chain_version",
)  # fmt: skip


class Row(NamedTuple):
    """An entry as stored: the hashed fields, then the hash and its version."""

    link: chain.Link
    hash: str
    version: int


@dataclass(slots=True)
class End:
    """Where the walk through one ledger has come to."""

    entries: int = 0
    last_number: int = 0
    balance_after: int = 0
    total: int = 0
    hash: str = ""


def faults() -> Iterator[str]:
    """Reads every entry once, in constant memory but for one line a wallet."""
    wallets = {wallet.pk: wallet for wallet in Wallet.objects.iterator(chunk_size=ROWS_AT_ONCE)}
    for wallet_id, rows in groupby(_rows(), key=lambda row: row.link.wallet_id):
        end = End()
        yield from _entry_faults(rows, end=end)
        yield from _end_faults(wallets.pop(wallet_id), end=end)
    for wallet in wallets.values():
        yield from _end_faults(wallet, end=End())


def _rows() -> Iterator[Row]:
    entries = LedgerEntry.objects.order_by("wallet_id", "number").values_list(*_FIELDS)
    for *link, digest, version in entries.iterator(chunk_size=ROWS_AT_ONCE):
        yield Row(chain.Link(*link), digest, version)


def _entry_faults(rows: Iterable[Row], *, end: End) -> Iterator[str]:
    """Each row is compared with the stored one before it, so that one wrong row is one fault."""
    for row in rows:
        link = row.link
        name = f"Wallet {link.wallet_id}, entry {link.number} ({link.reference})"
        if link.number != end.last_number + 1:
            gap = f"{end.last_number + 1} to {link.number - 1}"
            yield f"Wallet {link.wallet_id}: the entries {gap} are missing."
        else:
            yield from (f"{name}: {wrong}" for wrong in _joint_faults(link, end=end))
        if not _is_intact(row):
            yield f"{name}: its fields are not those that were hashed."
        end.entries += 1
        end.last_number, end.balance_after, end.hash = link.number, link.balance_after, row.hash
        end.total += link.amount


def _joint_faults(link: chain.Link, *, end: End) -> Iterator[str]:
    if link.previous_hash != end.hash:
        yield "it does not follow the entry before it."
    if link.balance_after != end.balance_after + link.amount:
        expected = end.balance_after + link.amount
        yield f"the balance after it is {link.balance_after}, not {expected}."


def _is_intact(row: Row) -> bool:
    try:
        return chain.digest(row.link, version=row.version) == row.hash
    except KeyError:
        return False


def _end_faults(wallet: Wallet, *, end: End) -> Iterator[str]:
    if wallet.entries != end.entries:
        yield f"Wallet {wallet.pk}: {end.entries} entries are here, {wallet.entries} were written."
    if wallet.head_hash != end.hash:
        yield f"Wallet {wallet.pk}: the last entry is not the last that was written."
    if wallet.balance != end.total:
        sums = f"the balance is {wallet.balance}, its entries sum to {end.total}"
        yield f"Wallet {wallet.pk}: {sums}."
