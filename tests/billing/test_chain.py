"""The hash is part of the stored format: it may never change for entries already written."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from accounts.billing import chain

LINK = chain.Link(
    wallet_id=7,
    number=3,
    kind="capture",
    amount=-4,
    balance_after=16,
    reference="capture:0197c2a0-0000-7000-8000-000000000001",
    hold_id=11,
    lot_id=None,
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC),
    previous_hash="ab" * 32,
)
OTHERS: dict[str, Any] = {
    "wallet_id": 8,
    "number": 4,
    "kind": "expire",
    "amount": -5,
    "balance_after": 15,
    "reference": "capture:x",
    "hold_id": 12,
    "lot_id": 1,
    "created_at": LINK.created_at + timedelta(microseconds=1),
    "previous_hash": "",
}


def test_version_one_stays_as_it_was() -> None:
    expected = "2682de6fd38c66a95b6ba5047b09daf811f0c174bb48b1cda14734f5abcf2906"
    assert chain.digest(LINK, version=1) == expected


@pytest.mark.parametrize("field", [field.name for field in fields(chain.Link)])
def test_every_field_is_hashed(field: str) -> None:
    assert chain.digest(replace(LINK, **{field: OTHERS[field]})) != chain.digest(LINK)


def test_a_moment_hashes_the_same_in_every_time_zone() -> None:
    there = LINK.created_at.astimezone(timezone(timedelta(hours=9)))
    assert chain.digest(replace(LINK, created_at=there)) == chain.digest(LINK)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(KeyError):
        chain.digest(LINK, version=2)
