"""What the sandbox remembers: orders, callbacks and counters, in a SQLite file of its own.

One process writes here, from its event loop. A row is committed before the answer leaves, so
neither kill -9 nor a restart changes what was accepted.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    task_id TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    aspect_ratio TEXT NOT NULL,
    output_format TEXT NOT NULL,
    seed TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    duration_seconds REAL NOT NULL,
    base_url TEXT NOT NULL,
    webhook_url TEXT NOT NULL,
    webhook_secret TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS callbacks (
    id INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL REFERENCES orders (task_id),
    is_final INTEGER NOT NULL,
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'due'
);
CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (state, due_at);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
DUE, SENDING, DELIVERED, SKIPPED, GIVEN_UP = "due", "sending", "delivered", "skipped", "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedOrder:
    """One accepted order. What it looks like at any moment follows from this row and the clock."""

    task_id: str
    model: str
    prompt: str
    aspect_ratio: str
    output_format: str
    seed: str
    accepted_at: float
    duration_seconds: float
    base_url: str
    webhook_url: str
    webhook_secret: str


@dataclass(frozen=True, slots=True)
class Callback:
    """One call to a webhook. A final one reports the end, the other one progress."""

    id: int
    task_id: str
    is_final: bool
    tries: int


ORDER_COLUMNS = ", ".join(AcceptedOrder.__slots__)


class Store:
    """Open for as long as the process lives."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Connections may be made in one thread and used by the loop of another, never by two.
        self._rows = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("PRAGMA synchronous=NORMAL")
        self._rows.execute("PRAGMA busy_timeout=5000")
        self._rows.executescript(SCHEMA)
        # A call that was under way when the process died may not have arrived.
        self._rows.execute("UPDATE callbacks SET state = ? WHERE state = ?", (DUE, SENDING))

    def close(self) -> None:
        self._rows.close()

    def add(self, order: AcceptedOrder, *, callbacks: Sequence[tuple[bool, float]]) -> None:
        """Keep an order with its callbacks, each (is final, due at)."""
        values = [getattr(order, name) for name in AcceptedOrder.__slots__]
        marks = ", ".join("?" * len(values))
        with self._rows:
            self._rows.execute("BEGIN IMMEDIATE")
            self._rows.execute(
                f"INSERT INTO orders ({ORDER_COLUMNS}) VALUES ({marks})",  # noqa: S608 - our names
                values,
            )
            self._rows.executemany(
                "INSERT INTO callbacks (task_id, is_final, due_at) VALUES (?, ?, ?)",
                [(order.task_id, int(is_final), due_at) for is_final, due_at in callbacks],
            )

    def order(self, task_id: str) -> AcceptedOrder | None:
        row = self._rows.execute(
            f"SELECT {ORDER_COLUMNS} FROM orders WHERE task_id = ?",  # noqa: S608 - our names
            (task_id,),
        ).fetchone()
        return _order(row) if row else None

    def orders(self, *, containing: str = "") -> list[AcceptedOrder]:
        """Oldest first; those whose prompt contains the text."""
        rows = self._rows.execute(
            f"SELECT {ORDER_COLUMNS} FROM orders WHERE instr(prompt, ?) > 0 "  # noqa: S608
            "ORDER BY accepted_at, task_id",
            (containing,),
        )
        return [_order(row) for row in rows]

    def accepted_count(self, *, containing: str = "") -> int:
        return self._number("SELECT count(*) FROM orders WHERE instr(prompt, ?) > 0", containing)

    def callback_count(self, state: str) -> int:
        return self._number("SELECT count(*) FROM callbacks WHERE state = ?", state)

    def claim_due(self, *, now: float, limit: int) -> list[Callback]:
        """Callbacks whose time has come, now marked as being sent."""
        rows = self._rows.execute(
            "UPDATE callbacks SET state = ?, tries = tries + 1 WHERE id IN (SELECT id FROM "
            "callbacks WHERE state = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?) "
            "RETURNING id, task_id, is_final, tries",
            (SENDING, DUE, now, limit),
        ).fetchall()
        return [Callback(key, task_id, bool(final), tries) for key, task_id, final, tries in rows]

    def claim_of(self, task_id: str) -> list[Callback]:
        """All callbacks of one task, due or not yet, now marked as being sent."""
        rows = self._rows.execute(
            "UPDATE callbacks SET state = ?, tries = tries + 1 WHERE task_id = ? AND state = ? "
            "RETURNING id, task_id, is_final, tries",
            (SENDING, task_id, DUE),
        ).fetchall()
        return [Callback(key, task_id, bool(final), tries) for key, task_id, final, tries in rows]

    def resolve(self, callback: Callback, *, state: str) -> None:
        self._rows.execute("UPDATE callbacks SET state = ? WHERE id = ?", (state, callback.id))

    def postpone(self, callback: Callback, *, due_at: float) -> None:
        self._rows.execute(
            "UPDATE callbacks SET state = ?, due_at = ? WHERE id = ?", (DUE, due_at, callback.id)
        )

    def count(self, name: str) -> int:
        """Add one to a counter; returns what it then holds."""
        return self._number(
            "INSERT INTO counters (name, value) VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            name,
        )

    def keep(self, name: str, value: int) -> None:
        self._rows.execute(
            "INSERT INTO counters (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def counter(self, name: str) -> int:
        return self._number("SELECT value FROM counters WHERE name = ?", name)

    def _number(self, statement: str, *values: object) -> int:
        row = self._rows.execute(statement, values).fetchone()
        return int(row[0]) if row else 0


def _order(row: tuple[object, ...]) -> AcceptedOrder:
    return AcceptedOrder(**dict(zip(AcceptedOrder.__slots__, row, strict=True)))  # type: ignore[arg-type]
