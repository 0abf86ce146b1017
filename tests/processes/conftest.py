"""Studios that stay for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests import servers
from tests.processes.desk import Desk, environment
from tests.studio import Studio


@pytest.fixture(scope="session")
def on_files() -> Iterator[Studio]:
    """SQLite and files."""
    with Studio(env=environment()) as studio:
        yield studio


@pytest.fixture(scope="session")
def on_services(postgres_server: servers.Postgres, s3_server: servers.S3) -> Iterator[Studio]:
    """PostgreSQL and S3."""
    url = postgres_server.new_database("processes")
    with Studio(env=environment(DATABASE_URL=url, **s3_server.env)) as studio:
        yield studio


@pytest.fixture
def desk(on_files: Studio) -> Iterator[Desk]:
    with Desk(on_files) as desk:
        yield desk
