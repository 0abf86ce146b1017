import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.billing.models import Lot
from accounts.billing.queries import balance
from accounts.models import Letter, Team, User
from accounts.teams import personal_team
from tests.accounts.people import (
    CONFIRM,
    PASSWORD,
    SIGN_UP,
    confirm,
    is_logged_in,
    log_in,
    newest_letter,
    page_without_tokens,
    sign_up,
)

EMAIL = "grace@example.com"


def wrong(code: str) -> str:
    return (
        code.translate(str.maketrans("BCDF", "CDFB")) if re.search("[BCDF]", code) else "BBBB-BBBB"
    )


def test_a_newcomer_confirms_by_code_and_is_in_with_welcome_credits(visitor: Client) -> None:
    assert sign_up(visitor, EMAIL).headers["Location"] == CONFIRM
    assert not is_logged_in(visitor)
    answer = confirm(visitor, newest_letter(EMAIL).code)
    user = User.objects.get(email=EMAIL)
    assert answer.headers["Location"] == "/"
    assert visitor.session["_auth_user_id"] == str(user.pk)
    assert balance(personal_team(user).pk).available == settings.WELCOME_CREDITS == 20


def test_before_the_code_there_is_a_workspace_but_no_credits(visitor: Client) -> None:
    sign_up(visitor, EMAIL)
    user = User.objects.get(email=EMAIL)
    assert balance(personal_team(user).pk).balance == 0
    assert not EmailAddress.objects.get(user=user).verified


def test_the_session_changes_its_name_at_the_door(visitor: Client) -> None:
    sign_up(visitor, EMAIL)
    before = visitor.session.session_key
    confirm(visitor, newest_letter(EMAIL).code)
    assert visitor.session.session_key != before


def test_a_few_wrong_codes_end_the_attempt(visitor: Client) -> None:
    sign_up(visitor, EMAIL)
    code = newest_letter(EMAIL).code
    for _ in range(3):
        confirm(visitor, wrong(code))
    confirm(visitor, code)
    assert not is_logged_in(visitor)
    assert not EmailAddress.objects.get(email=EMAIL).verified


def test_a_code_is_of_no_use_in_another_browser(visitor: Client) -> None:
    sign_up(visitor, EMAIL)
    other = Client()
    confirm(other, newest_letter(EMAIL).code)
    assert not is_logged_in(other)


def test_another_spelling_of_a_person_is_not_a_second_one(visitor: Client, user: User) -> None:
    sign_up(visitor, "ADA@EXAMPLE.COM")
    sign_up(Client(), "\N{KELVIN SIGN}ay@example.com")
    assert set(User.objects.values_list("email", flat=True)) == {user.email, "kay@example.com"}
    letter = newest_letter(user.email)
    assert "/accounts/password/reset/" in letter.body
    assert not letter.code


def test_known_and_unknown_addresses_get_the_same_answers(visitor: Client, user: User) -> None:
    other = Client()
    answers = [
        (visitor, user.email, sign_up(visitor, user.email)),
        (other, EMAIL, sign_up(other, EMAIL)),
    ]
    assert len({(a.status_code, a.headers["Location"]) for _, _, a in answers}) == 1
    assert len({page_without_tokens(c.get(CONFIRM), email=e) for c, e, _ in answers}) == 1
    assert len({page_without_tokens(confirm(c, "BCDF-GHJK"), email=e) for c, e, _ in answers}) == 1


@pytest.mark.parametrize("password", ["short", "password123", "grace@example.com"])
def test_a_weak_password_is_refused(visitor: Client, password: str) -> None:
    assert sign_up(visitor, EMAIL, password).status_code == 200
    assert not User.objects.exists()


def test_fields_that_nobody_asked_for_change_nothing(visitor: Client) -> None:
    extra = {"is_staff": "1", "is_superuser": "1", "role": "owner", "team": "1", "credits": "999"}
    visitor.post(SIGN_UP, {"email": EMAIL, "password1": PASSWORD, **extra})
    user = User.objects.get(email=EMAIL)
    assert not user.is_staff
    assert not user.is_superuser
    assert not Lot.objects.exists()


def test_no_credits_when_none_are_offered(visitor: Client, settings: Settings) -> None:
    settings.WELCOME_CREDITS = 0
    sign_up(visitor, EMAIL)
    confirm(visitor, newest_letter(EMAIL).code)
    assert is_logged_in(visitor)
    assert not Lot.objects.exists()


def test_a_second_address_brings_no_second_welcome(client: Client, user: User) -> None:
    """And none at all to a person who never signed up, such as one added by an admin."""
    log_in(client, user.email)
    client.post("/accounts/email/", {"action_add": "", "email": "second@example.com"})
    confirm(client, newest_letter("second@example.com").code)
    assert EmailAddress.objects.get(email="second@example.com").verified
    assert not Lot.objects.exists()


@pytest.mark.usefixtures("fresh_limits")
def test_a_code_sent_many_times_at_once_welcomes_once() -> None:
    newcomer = Client()
    sign_up(newcomer, EMAIL)
    code = newest_letter(EMAIL).code
    cookies = newcomer.cookies.output(header="", sep=";").strip()

    def send(_: int) -> int:
        browser = Client()
        browser.cookies.load(cookies)
        try:
            return confirm(browser, code).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(send, range(8)))
    # Whoever comes after the session was renamed hears that it is gone; nobody gets a fault.
    assert set(statuses) <= {200, 302, 400}
    assert Lot.objects.count() == 1
    assert balance(personal_team(User.objects.get()).pk).balance == 20


@pytest.mark.usefixtures("fresh_limits")
def test_one_address_signed_up_many_times_at_once_is_one_person() -> None:
    def send(_: int) -> int:
        try:
            return sign_up(Client(), EMAIL).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(send, range(6)))
    assert 302 in statuses
    # Whoever comes while the first code is still warm is asked to wait, as always.
    assert set(statuses) <= {302, 429}
    assert (User.objects.count(), Team.objects.count()) == (1, 1)
    assert Letter.objects.filter(to=EMAIL).exists()
