"""Studios to be shot at: short leases, doubts that end after half a minute, and named traps."""

from collections.abc import Iterator

import pytest

from tests.processes.desk import Desk, environment
from tests.studio import Studio

LEASE_SECONDS = 5
UNKNOWN_SECONDS = 30


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def studio(request: pytest.FixtureRequest) -> Iterator[Studio]:
    ours = environment(
        KILLPOINT="1", LEASE_SECONDS=str(LEASE_SECONDS), UNKNOWN_SECONDS=str(UNKNOWN_SECONDS)
    )
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        ours["DATABASE_URL"] = server.new_database(f"faults_{request.module.__name__[-5:]}")
    with Studio(env=ours) as product:
        yield product


@pytest.fixture
def desk(studio: Studio) -> Iterator[Desk]:
    with Desk(studio) as place:
        yield place
