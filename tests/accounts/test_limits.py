from collections.abc import Callable

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from accounts.addresses import client_address
from accounts.models import User
from tests.accounts.hashers import CountingHasher
from tests.accounts.people import PASSWORD, ask_reset, is_logged_in, log_in, reset_link

BrowserAt = Callable[[str], Client]
NEW_PASSWORD = "three ducks on a quiet pond"


def attack(browser_at: BrowserAt, email: str) -> None:
    """More wrong guesses than are looked at, each from another place."""
    for n in range(15):
        log_in(browser_at(f"198.51.100.{n}"), email, f"guess number {n}")


def test_guesses_from_one_place_end_in_a_wait(browser_at: BrowserAt, user: User) -> None:
    guesser = browser_at("198.51.100.7")
    answers = [
        log_in(guesser, user.email, f"guess {n}", HTTP_X_FORWARDED_FOR=f"203.0.113.{n}")
        for n in range(11)
    ]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_guesses_from_everywhere_reach_few_passwords(
    browser_at: BrowserAt, settings: Settings, db: None
) -> None:
    from accounts.teams import create_user

    settings.PASSWORD_HASHERS = ["tests.accounts.hashers.CountingHasher"]
    user = create_user("eve@example.com", password=PASSWORD)
    CountingHasher.guesses.clear()
    attack(browser_at, user.email)
    assert 0 < len(CountingHasher.guesses) <= 10


@pytest.mark.parametrize("spelling", ["ADA@example.com", "ada@ｅxample.com"])
def test_another_spelling_is_no_fresh_start(
    browser_at: BrowserAt, user: User, spelling: str
) -> None:
    attack(browser_at, user.email)
    assert log_in(browser_at("192.0.2.1"), spelling).status_code == 429


def test_another_host_name_is_no_fresh_start(browser_at: BrowserAt, user: User) -> None:
    attack(browser_at, user.email)
    answer = log_in(browser_at("192.0.2.1"), user.email, HTTP_HOST="localhost:4711")
    assert answer.status_code == 429


def test_the_owner_gets_in_from_a_browser_used_before(browser_at: BrowserAt, user: User) -> None:
    owner = browser_at("192.0.2.1")
    log_in(owner, user.email)
    owner.post("/accounts/logout/")
    attack(browser_at, user.email)
    assert log_in(owner, user.email).status_code == 302
    assert is_logged_in(owner)


def test_the_owner_gets_in_from_a_new_browser_with_a_new_password(
    browser_at: BrowserAt, user: User
) -> None:
    attack(browser_at, user.email)
    owner = browser_at("192.0.2.1")
    ask_reset(owner, user.email)
    page = owner.get(reset_link(user.email), follow=True)
    owner.post(page.redirect_chain[-1][0], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert log_in(owner, user.email, NEW_PASSWORD).status_code == 302


def test_the_owner_gets_in_after_the_wait(browser_at: BrowserAt, user: User) -> None:
    now = timezone.now()
    with time_machine.travel(now) as clock:
        attack(browser_at, user.email)
        assert log_in(browser_at("192.0.2.1"), user.email).status_code == 429
        clock.shift(301)
        assert log_in(browser_at("192.0.2.1"), user.email).status_code == 302


def test_a_known_browser_has_its_own_limit(browser_at: BrowserAt, user: User) -> None:
    thief = browser_at("192.0.2.1")
    log_in(thief, user.email)
    thief.post("/accounts/logout/")
    answers = [log_in(thief, user.email, f"guess {n}").status_code for n in range(11)]
    assert answers == [200] * 10 + [429]


def test_a_browser_known_for_one_person_is_a_stranger_to_another(
    browser_at: BrowserAt, user: User
) -> None:
    from accounts.teams import create_user

    create_user("mallory@example.com", password=PASSWORD)
    mallory = browser_at("192.0.2.66")
    log_in(mallory, "mallory@example.com")
    mallory.post("/accounts/logout/")
    attack(browser_at, user.email)
    assert log_in(mallory, user.email).status_code == 429


def test_successful_log_ins_do_not_count(browser_at: BrowserAt, user: User) -> None:
    for n in range(12):
        assert log_in(browser_at(f"192.0.2.{n}"), user.email).status_code == 302


# --- Which address is counted -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.1", "192.0.2.9"),
        (0, None, "192.0.2.9"),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "6.6.6.6, 203.0.113.1", "203.0.113.1"),
        (2, "6.6.6.6, 203.0.113.1, 10.0.0.1", "203.0.113.1"),
        (2, "203.0.113.1", "203.0.113.1"),
        (1, None, "192.0.2.9"),
        (1, "nonsense", "192.0.2.9"),
        (1, "203.0.113.1:4711", "203.0.113.1"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
    ],
)
def test_only_what_our_proxies_wrote_is_believed(
    settings: Settings, proxies: int, forwarded: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.9", **headers)  # type: ignore[arg-type]
    assert client_address(request) == expected


def test_a_peer_without_an_address_is_counted_too(rf: RequestFactory) -> None:
    assert client_address(rf.get("/", REMOTE_ADDR="")) == "none"
