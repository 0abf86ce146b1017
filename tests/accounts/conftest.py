from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _mail_is_kept(settings: Settings) -> None:
    """The demo's own backend: letters are rows, as on its mailbox page."""
    settings.EMAIL_BACKEND = "accounts.mailbox.DemoMailBackend"


@pytest.fixture
def browser_at(db: None) -> Callable[[str], Client]:
    """A fresh browser at a network address."""
    return lambda address: Client(REMOTE_ADDR=address)


@pytest.fixture
def fresh_limits(transactional_db: None) -> Iterator[None]:
    """The flush after a test that commits knows models only; limits lie in the cache's table."""
    cache.clear()
    yield
    cache.clear()
