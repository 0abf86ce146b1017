"""Windows of a real browser onto one running studio."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.journeys.backstage import Backstage, Person
from tests.journeys.watching import Watch
from tests.studio import Studio

DESK = {"width": 1440, "height": 900}


class Window:
    """A fresh profile. `watch` knows what it asked for and what went wrong."""

    def __init__(self, context: BrowserContext, *, home: str) -> None:
        self.context = context
        self.watch = Watch(context, home=home)
        self.page = context.new_page()


Open = Callable[..., Window]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/journeys" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.processes)


@dataclass(frozen=True, slots=True)
class Early:
    """People whose orders take their time, placed before the first test so that none waits long."""

    html: Person
    partial: Person
    busy: Person


@pytest.fixture(scope="session")
def backstage(studio: Studio) -> Iterator[Backstage]:
    with Backstage(studio) as backstage:
        yield backstage


@pytest.fixture(scope="session", autouse=True)
def early(backstage: Backstage) -> Early:
    early = Early(backstage.person(), backstage.person(), backstage.person(credits=80))
    backstage.order(early.html, ["an elk [html][instant][64px]"], model="flux-schnell")
    backstage.order(early.partial, ["an elk [partial:1][instant][64px] --ar 7:4"])
    # More images than a page of the gallery holds, and more orders than one of the stream.
    backstage.order(early.busy, [f"elk number {n} [instant][64px]" for n in range(1, 18)])
    return early


@pytest.fixture
def person(backstage: Backstage) -> Person:
    """Somebody with 20 credits and nothing made yet."""
    return backstage.person()


@pytest.fixture
def open_window(browser: Browser, studio: Studio) -> Iterator[Open]:
    """`open_window(person)`: logged in when a person is given. No window may misbehave."""
    windows: list[Window] = []

    def opening(person: Person | None = None, **options: Any) -> Window:
        context = browser.new_context(
            **{"viewport": DESK, "base_url": studio.url, "locale": "en-GB", **options}
        )
        if person:
            session = {"name": person.cookie, "value": person.session, "url": studio.url}
            context.add_cookies([session])  # type: ignore[list-item]
        window = Window(context, home=studio.url)
        windows.append(window)
        return window

    yield opening
    for window in windows:
        window.context.close()
    assert [fault for window in windows for fault in window.watch.faults] == []


@pytest.fixture
def window(open_window: Open, person: Person) -> Window:
    return open_window(person)


@pytest.fixture
def page(window: Window) -> Page:
    """The person's page, not yet gone anywhere."""
    return window.page
