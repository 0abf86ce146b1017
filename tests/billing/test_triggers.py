"""The ledger is append-only for everybody, also below the ORM."""

from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.billing import triggers
from accounts.billing.models import LedgerEntry, LotDraw
from accounts.models import Team
from tests.billing.money import give, spend, sums

pytestmark = pytest.mark.django_db
TABLES = ["billing_ledgerentry", "billing_lotdraw"]


@pytest.fixture(autouse=True)
def _something_written(team: Team) -> Iterator[None]:
    give(team, 10)
    spend(team, 4)
    connection.check_constraints()
    yield
    assert sums(team) == (6, 0)
    assert LedgerEntry.objects.count() == 2
    assert LotDraw.objects.count() == 1


def test_the_orm_can_neither_change_nor_delete() -> None:
    entry, draw = LedgerEntry.objects.get(kind="capture"), LotDraw.objects.get()
    acts: list[Callable[[], object]] = [
        entry.save,
        draw.save,
        draw.delete,
        LotDraw.objects.all().delete,
        lambda: LotDraw.objects.update(credits=1),
        lambda: LedgerEntry.objects.update(amount=1),
        lambda: LedgerEntry.objects.all()._raw_delete("default"),
    ]
    for act in acts:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            act()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {table} SET id = id", "DELETE FROM {table}", "DELETE FROM {table} WHERE id > 0"],
)
def test_raw_sql_can_neither_change_nor_delete(table: str, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        _execute(statement.format(table=table))


@pytest.mark.postgres
@pytest.mark.parametrize("table", TABLES)
def test_a_table_cannot_be_truncated(table: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        _execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has no REPLACE")
@pytest.mark.parametrize("table", TABLES)
def test_a_row_cannot_be_replaced_by_another(table: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        _execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_all_triggers_stand_after_migrating() -> None:
    assert triggers.missing(connection) == []


def test_a_dropped_trigger_is_named_and_put_back() -> None:
    with transaction.atomic():
        triggers.lift(connection)
        gone = triggers.missing(connection)
        assert all(any(name.startswith(table) for name in gone) for table in TABLES)
        triggers.install(connection)
        triggers.install(connection)
    assert triggers.missing(connection) == []


@pytest.mark.postgres
def test_a_disabled_trigger_counts_as_missing() -> None:
    name = "billing_ledgerentry_keep"
    _execute(f"ALTER TABLE billing_ledgerentry DISABLE TRIGGER {name}")
    assert triggers.missing(connection) == [name]
    triggers.install(connection)
    assert triggers.missing(connection) == []


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
