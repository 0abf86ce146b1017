"""Keyset pages: as fast on the last page as on the first, and stable while rows arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`next_cursor` is empty on the last page."""

    items: Sequence[Row]
    next_cursor: str


def keyset(rows: QuerySet[Row], *, cursor: str, size: int) -> Page[Row]:
    """Newest first by (created_at, id). A cursor that nobody gave out starts from the top."""
    after = _after(cursor)
    if after is not None:
        rows = rows.filter(after)
    found = list(rows.order_by("-created_at", "-pk")[: size + 1])
    items = found[:size]
    return Page(items, _cursor(items[-1]) if len(found) > size else "")


def _cursor(row: Any) -> str:
    return f"{row.created_at.isoformat()}_{row.pk}"


def _after(cursor: str) -> Q | None:
    moment, _, key = cursor.rpartition("_")
    try:
        created_at, pk = datetime.fromisoformat(moment), int(key)
    except ValueError:
        return None
    if created_at.tzinfo is None or not 0 <= pk < 2**63:
        return None
    return Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk)
