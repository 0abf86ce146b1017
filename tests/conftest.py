"""What every test stands on: private settings, a real database, people, no network beyond here."""

import atexit
import ipaddress
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import browsing, servers, spawning

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Browser, Page

    from accounts.models import Team, User
    from accounts.viewer import Viewer
    from tests.studio import Studio

CHECKOUT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
PASSWORD = "a long walk by the sea"
_session = ExitStack()
atexit.register(_session.close)


# --- Settings, before Django reads them ------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgres"],
        help="where the rows live: SQLite by default, or a private PostgreSQL; "
        "without it, DATABASE_URL decides",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    database_url = _database_url(config.getoption("--database"))
    for name in re.findall(r"^#? ?([A-Z0-9_]+)=", _env_example(), re.MULTILINE):
        os.environ.pop(name, None)
    folder = Path(tempfile.mkdtemp(prefix="is-tests-"))
    _session.callback(shutil.rmtree, folder, ignore_errors=True)
    os.environ["VAR"] = str(folder)
    os.environ["DATABASE_URL"] = database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "imagestudio.settings"
    _adapt_settings(folder)


def _env_example() -> str:
    return (CHECKOUT / ".env.example").read_text(encoding="utf-8")


def _database_url(choice: str | None) -> str:
    if choice != "postgres":
        return "" if choice else os.environ.get("DATABASE_URL", "")
    shared = os.environ.get("TESTS_POSTGRES_URL")
    if shared:  # a pytest-xdist worker uses its controller's server
        return shared
    try:
        server = _session.enter_context(servers.postgres())
    except spawning.Missing as missing:
        pytest.exit(f"MISSING: {missing} Nothing was tested.", returncode=1 if IN_CI else 0)
    os.environ["TESTS_POSTGRES_URL"] = server.new_database("studio")
    return os.environ["TESTS_POSTGRES_URL"]


def _adapt_settings(folder: Path) -> None:
    from django.conf import settings

    # Templates name their files plainly: gathering and fingerprinting is for a real start.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # A file, because threads that share a database in memory do not wait for one another.
        database.setdefault("TEST", {})["NAME"] = str(folder / "tests.sqlite3")
        pragmas = database["OPTIONS"]["init_command"]
        database["OPTIONS"]["init_command"] = pragmas.replace("=FULL", "=OFF")


# --- Which tests run, and what was missing ----------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    on_postgres = "postgres" in os.environ.get("DATABASE_URL", "")
    for item in items:
        if item.get_closest_marker("postgres") and not on_postgres:
            item.add_marker(pytest.mark.skip(reason="speaks of PostgreSQL alone"))
    if config.getoption("--database") != "postgres":
        return
    # These start their own database or look at pages: they are about the whole and run once.
    once = [
        i for i in items if i.get_closest_marker("processes") or i.get_closest_marker("browser")
    ]
    items[:] = [item for item in items if item not in once]
    config.hook.pytest_deselected(items=once)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    for reason in sorted({str(r.longrepr[2]) for r in skipped if "MISSING: " in str(r.longrepr)}):
        terminalreporter.write_line(reason, red=True, bold=True)


def _needed(start: Callable[[], Any]) -> Any:
    """What a server needs must be there; under CI its absence is a failure."""
    try:
        return start()
    except spawning.Missing as missing:
        if IN_CI:
            pytest.fail(f"MISSING: {missing}")
        pytest.skip(f"MISSING: {missing}")


# --- The database and the network -------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _flush_can_lift_the_triggers() -> None:
    """The ledger refuses DELETE; between tests that commit, the flush has to get past it."""
    from django.db import connection
    from django.test import TransactionTestCase

    from accounts.billing import triggers

    case: Any = TransactionTestCase
    flush = case._fixture_teardown

    def lift_and_flush(self: TransactionTestCase) -> None:
        triggers.lift(connection)
        try:
            flush(self)
        finally:
            triggers.install(connection)

    case._fixture_teardown = lift_and_flush


@pytest.fixture(scope="session", autouse=True)
def _no_network_beyond_this_machine() -> Iterator[None]:
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(str(address[0])):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    socket.socket.connect = connect_here  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


def _is_here(host: str) -> bool:
    return host in {"localhost", ""} or ipaddress.ip_address(host).is_loopback


# --- People ------------------------------------------------------------------------------------


@pytest.fixture
def user(db: None) -> "User":
    """A verified person with a personal team and no credits."""
    from accounts.teams import create_user

    return create_user("ada@example.com", password=PASSWORD, name="Ada")


@pytest.fixture
def team(user: "User") -> "Team":
    from accounts.teams import personal_team

    return personal_team(user)


@pytest.fixture
def viewer(user: "User", team: "Team") -> "Viewer":
    from accounts.viewer import viewer_of

    return viewer_of(user, team=team)


@pytest.fixture
def client(user: "User") -> "Client":
    """A browser without a screen, logged in as `user`."""
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def visitor(db: None) -> "Client":
    """The same, logged in as nobody."""
    from django.test import Client

    return Client()


# --- Servers -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    with ExitStack() as stack:
        yield _needed(lambda: stack.enter_context(servers.postgres()))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[servers.S3]:
    with ExitStack() as stack:
        yield _needed(lambda: stack.enter_context(servers.s3()))


@pytest.fixture
def redis_server() -> Iterator[servers.Valkey]:
    """One to a test, because tests kill it."""
    with servers.valkey() as server:
        yield server


@pytest.fixture(scope="session")
def studio() -> "Iterator[Studio]":
    """The product as `make run` starts it: SQLite and files."""
    from tests.studio import Studio

    with Studio() as product:
        yield product


@pytest.fixture(scope="session")
def studio_production(
    postgres_server: servers.Postgres, s3_server: servers.S3
) -> "Iterator[Studio]":
    """The same on PostgreSQL and S3."""
    from tests.studio import Studio

    database_url = postgres_server.new_database("studio_production")
    with Studio(env={"DATABASE_URL": database_url, **s3_server.env}) as product:
        yield product


# --- A real browser -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    executable = _needed(browsing.chromium)
    # Playwright keeps an event loop in this thread, and Django would refuse to query beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable, args=browsing.CHROMIUM_ARGS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A fresh profile at 1440 x 900. Errors in scripts and refusals by the CSP fail the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    faults: list[str] = []
    page = context.new_page()
    browsing.watch(page, faults)
    yield page
    context.close()
    assert faults == []
