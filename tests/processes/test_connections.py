"""Pages give the database's connections back: there are only so many."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests import servers
from tests.processes.visitor import Visitor
from tests.studio import Studio

pytestmark = pytest.mark.processes
WINDOWS = 8
PAGES = 20
# A connection for each window, a few of the other processes, and room for a glance.
CONNECTIONS_MAX = 30


def test_many_pages_leave_few_connections(on_services: Studio, postgres_server: servers.Postgres):
    with Visitor(on_services) as visitor, ThreadPoolExecutor(WINDOWS) as people:
        windows = [visitor.window() for _ in range(WINDOWS)]
        statuses = list(people.map(_look, windows))

    assert statuses == [{200}] * WINDOWS
    assert _connections(postgres_server, on_services) <= CONNECTIONS_MAX


def _look(window: Visitor) -> set[int]:
    found = {window.page("/").status_code for _ in range(PAGES)}
    window.close()
    return found


def _connections(server: servers.Postgres, studio: Studio) -> int:
    database = studio.env["DATABASE_URL"].rpartition("/")[2]
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database]
        ).fetchone()
    assert row is not None
    return int(row[0])
