"""Database triggers that keep the ledger append-only, whoever is at the keyboard.

They are made after every migrate, not by a migration: SQLite remakes a table to alter it, and
drops its triggers without a word.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.billing.models import LedgerEntry, LotDraw

MESSAGE = "the ledger is append-only: write a correction instead"
FUNCTION = "billing_refuse_change"
_ENTRIES = LedgerEntry._meta.db_table
_DRAWS = LotDraw._meta.db_table
_TABLES = (_ENTRIES, _DRAWS)
# What makes two rows of a table the same row.
_SAME_ROW = {
    _ENTRIES: "id = NEW.id OR reference = NEW.reference"
    " OR (wallet_id = NEW.wallet_id AND number = NEW.number)",
    _DRAWS: "id = NEW.id OR (entry_id = NEW.entry_id AND lot_id = NEW.lot_id)",
}

_CREATE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'restrict_violation';
END $$
"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Create what is missing."""
    absent = missing(connection)
    if not absent:
        return
    statements = _statements(connection.vendor)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_CREATE_FUNCTION)
        for name in absent:
            # A disabled trigger counts as missing, yet its name is taken.
            cursor.execute(_drop(connection.vendor, name))
            cursor.execute(statements[name])


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that do not stand guard, in order."""
    standing = _standing(connection)
    return [name for name in _statements(connection.vendor) if name not in standing]


def lift(connection: BaseDatabaseWrapper) -> None:
    """Take the guard away, for a flush between tests. `install` puts it back."""
    with connection.cursor() as cursor:
        for name in _standing(connection) & set(_statements(connection.vendor)):
            cursor.execute(_drop(connection.vendor, name))


def after_migrate(*, sender: AppConfig, using: str, **_: Any) -> None:
    """A migrate that goes back to zero leaves no tables to guard."""
    connection = connections[using]
    if set(_TABLES) <= set(connection.introspection.table_names()):
        install(connection)


def _statements(vendor: str) -> dict[str, str]:
    """Trigger name -> the statement that creates it."""
    if vendor == "postgresql":
        return dict(_for_postgresql(_TABLES))
    return dict(_for_sqlite(_TABLES))


def _for_postgresql(tables: Iterable[str]) -> Iterator[tuple[str, str]]:
    guard = "BEFORE {acts} ON {table} FOR EACH {unit} EXECUTE FUNCTION " + FUNCTION + "()"
    for table in tables:
        rows = guard.format(acts="UPDATE OR DELETE", table=table, unit="ROW")
        whole = guard.format(acts="TRUNCATE", table=table, unit="STATEMENT")
        yield f"{table}_keep", f"CREATE TRIGGER {table}_keep {rows}"
        yield f"{table}_keep_all", f"CREATE TRIGGER {table}_keep_all {whole}"


def _for_sqlite(tables: Iterable[str]) -> Iterator[tuple[str, str]]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    for table in tables:
        for act in ("update", "delete"):
            name = f"{table}_no_{act}"
            yield name, f"CREATE TRIGGER {name} BEFORE {act.upper()} ON {table} {refuse}"
        # INSERT OR REPLACE deletes without asking the trigger for deletes.
        name = f"{table}_no_replace"
        taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {_SAME_ROW[table]})"  # noqa: S608
        yield name, f"CREATE TRIGGER {name} BEFORE INSERT ON {table} {taken} {refuse}"


def _standing(connection: BaseDatabaseWrapper) -> set[str]:
    if connection.vendor == "postgresql":
        query = (
            "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE relname = ANY(%s) AND pg_table_is_visible(tgrelid) AND tgenabled <> 'D'"
        )
        parameters: list[Any] = [list(_TABLES)]
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        parameters = []
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return {row[0] for row in cursor.fetchall()}


def _drop(vendor: str, name: str) -> str:
    if vendor != "postgresql":
        return f"DROP TRIGGER IF EXISTS {name}"
    table = next(table for table in sorted(_TABLES, key=len) if name.startswith(table))
    return f"DROP TRIGGER IF EXISTS {name} ON {table}"
