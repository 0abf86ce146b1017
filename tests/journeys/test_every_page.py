"""Every page of the URLconf is in order for everybody, also one that was added yesterday."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import expect

from tests.journeys import looks
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import Open

# It never ends, so it cannot be looked at as a page.
ENDLESS = {"live"}


def plain_addresses() -> list[str]:
    """Of every named route that needs no argument, whatever it answers."""
    return sorted(set(_walk(get_resolver().url_patterns, "/")))


def _walk(patterns: Iterable[Any], before: str) -> Iterator[str]:
    for entry in patterns:
        if entry.pattern.regex.groups or getattr(entry, "name", None) in ENDLESS:
            continue
        if isinstance(entry, URLResolver) and not entry.namespace:
            yield from _walk(entry.url_patterns, before + str(entry.pattern))
        elif isinstance(entry, URLPattern) and entry.name:
            yield before + str(entry.pattern)


@pytest.fixture(scope="module")
def maker(backstage: Backstage) -> Person:
    maker = backstage.person(credits=40)
    backstage.order(maker, ["an elk in the mist [instant][128px] --ar 3:2"])
    backstage.order(maker, ["a fisherman [instant][128px]"], model="flux-schnell")
    backstage.wait_for(maker)
    return maker


def test_the_list_of_pages_knows_the_pages() -> None:
    assert {"/", "/gallery/", "/credits/", "/mailbox/", "/accounts/login/"} <= set(
        plain_addresses()
    )


@pytest.mark.parametrize("address", plain_addresses())
@pytest.mark.parametrize("who", ["visitor", "maker"])
def test_the_page_is_in_order(open_window: Open, maker: Person, address: str, who: str) -> None:
    window = open_window(maker if who == "maker" else None)
    answer = window.context.request.get(address, max_redirects=0)
    is_page = "text/html" in answer.headers.get("content-type", "")
    if not answer.ok or not is_page or "<html" not in answer.text():
        assert answer.status < 500
        return
    window.page.goto(address)
    expect(window.page).to_have_title(re.compile("ImageStudio"))
    looks.audit_all(window.page)
