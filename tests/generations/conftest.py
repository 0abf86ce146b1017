"""What the pipeline stands on here: credits, a provider, a storage folder of the test's own.

Models are imported inside: this file may be read before Django has its settings.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_django import Settings

from tests.generations.scripted import Scripted
from tests.upstream import Upstream

if TYPE_CHECKING:
    from accounts.viewer import Viewer
    from generations.models import ProviderAccount


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Settings) -> Path:
    """A storage that no other test has written to."""
    folder = tmp_path / "media"
    storage = {
        **settings.STORAGES["default"],
        "OPTIONS": {"location": folder, "allow_overwrite": True},
    }
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    return folder


@pytest.fixture(autouse=True)
def _connections_of_threads_end_with_their_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk's threads end with the test, and nobody would close what they had kept open."""
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)


@pytest.fixture(scope="session", autouse=True)
def _decoders_end_with_the_session() -> Iterator[None]:
    yield
    from tests.generations import driving

    driving.close_decoders()


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """Rows that other threads and servers see."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def rich(viewer: "Viewer") -> "Viewer":
    """Ada with 100 credits."""
    from tests.generations import world

    world.fund(viewer, 100)
    return viewer


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """The small second upstream, in a hurry and without callbacks."""
    with Upstream(seconds=0.05, webhooks=False) as server:
        yield server


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


@pytest.fixture
def north(committed: None, upstream: Upstream) -> "ProviderAccount":
    """An account at the upstream."""
    from tests.generations import world

    return world.account(upstream.base_url)


@pytest.fixture
def odd(committed: None, scripted: Scripted) -> "ProviderAccount":
    """An account at the scripted server."""
    from tests.generations import world

    return world.account(scripted.base_url, name="odd", api_key=scripted.api_key)
