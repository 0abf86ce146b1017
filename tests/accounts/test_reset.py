from django.contrib.auth.models import AbstractBaseUser
from django.test import Client
from pytest_django import Settings

from accounts.models import Letter, User
from accounts.teams import create_user
from tests.accounts.people import (
    PASSWORD,
    RESET,
    ask_reset,
    is_logged_in,
    log_in,
    newest_letter,
    page_without_tokens,
    reset_link,
)

NEW_PASSWORD = "three ducks on a quiet pond"


def choose(client: Client, link: str, password: str = NEW_PASSWORD) -> None:
    page = client.get(link, follow=True)
    if page.redirect_chain:
        answers = {"password1": password, "password2": password}
        client.post(page.redirect_chain[-1][0], answers)


def may_enter(user: AbstractBaseUser, password: str) -> bool:
    return User.objects.get(pk=user.pk).check_password(password)


def test_a_link_by_mail_sets_a_new_password_once(visitor: Client, user: User) -> None:
    ask_reset(visitor, user.email)
    link = reset_link(user.email)
    choose(visitor, link)
    assert may_enter(user, NEW_PASSWORD)
    choose(Client(), link, "another password altogether")
    assert may_enter(user, NEW_PASSWORD)


def test_a_new_password_ends_the_other_sessions(
    visitor: Client, client: Client, user: User
) -> None:
    ask_reset(visitor, user.email)
    choose(visitor, reset_link(user.email))
    assert client.get("/accounts/email/").status_code == 302


def test_the_link_leads_to_our_site_whatever_the_request_claims(
    visitor: Client, user: User, settings: Settings
) -> None:
    settings.SITE_URL = "https://studio.example"
    ask_reset(visitor, user.email, HTTP_HOST="localhost:4711")
    assert reset_link(user.email).startswith("https://studio.example/accounts/password/reset/key/")
    ask_reset(visitor, "nobody@example.com", HTTP_HOST="localhost:4711")
    assert "https://studio.example/accounts/signup/" in newest_letter("nobody@example.com").body
    assert not Letter.objects.filter(body__contains="localhost").exists()


def test_known_and_unknown_people_get_the_same_answer(visitor: Client, user: User) -> None:
    pages = {
        (answer.status_code, answer.headers["Location"], page_without_tokens(page, email=email))
        for email in (user.email, "nobody@example.com")
        for browser in [Client()]
        for answer in [ask_reset(browser, email)]
        for page in [browser.get(answer.headers["Location"])]
    }
    assert len(pages) == 1
    assert Letter.objects.count() == 2


def test_mail_goes_to_the_address_in_the_row(visitor: Client, db: None) -> None:
    create_user("sam@example.com", password=PASSWORD)
    ask_reset(visitor, "ſam@example.com")
    assert list(Letter.objects.values_list("to", flat=True)) == ["sam@example.com"]


def test_a_look_alike_gets_no_key_to_another_person(visitor: Client, db: None) -> None:
    create_user("mike@example.com", password=PASSWORD)
    ask_reset(visitor, "mıke@example.com")
    letter = Letter.objects.get()
    assert letter.to == "mıke@example.com"
    assert "/password/reset/key/" not in letter.body


def test_a_disabled_person_gets_no_key(visitor: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    ask_reset(visitor, user.email)
    assert "/password/reset/key/" not in newest_letter(user.email).body


def test_mail_to_one_person_is_limited(visitor: Client, user: User) -> None:
    answers = [ask_reset(visitor, user.email).status_code for _ in range(6)]
    assert answers == [302] * 5 + [429]


def test_asking_is_all_that_a_stranger_can_do(visitor: Client, user: User) -> None:
    ask_reset(visitor, user.email)
    visitor.get(RESET)
    assert may_enter(user, PASSWORD)
    log_in(visitor, user.email)
    assert is_logged_in(visitor)
