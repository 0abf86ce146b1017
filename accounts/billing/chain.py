"""The hash that ties each ledger entry to the one before it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

VERSION = 1


@dataclass(frozen=True, slots=True)
class Link:
    """The hashed fields of an entry. A field more or less is a new chain version."""

    wallet_id: int
    number: int
    kind: str
    amount: int
    balance_after: int
    reference: str
    hold_id: int | None
    lot_id: int | None
    created_at: datetime
    previous_hash: str


def digest(link: Link, *, version: int = VERSION) -> str:
    """SHA-256 as 64 hex digits. Raises KeyError for a version that never was."""
    return hashlib.sha256(_SPELLINGS[version](link)).hexdigest()


def _spell_first(link: Link) -> bytes:
    fields = [
        1,
        link.wallet_id,
        link.number,
        link.kind,
        link.amount,
        link.balance_after,
        link.reference,
        link.hold_id,
        link.lot_id,
        link.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
        link.previous_hash,
    ]
    return json.dumps(fields, separators=(",", ":")).encode()


# Old spellings stay for as long as a ledger holds entries written in them.
_SPELLINGS: dict[int, Callable[[Link], bytes]] = {1: _spell_first}
