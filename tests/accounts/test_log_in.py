from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.people import LOGIN, PASSWORD, is_logged_in, log_in, page_without_tokens


@pytest.mark.parametrize("spelling", ["ada@example.com", "ADA@Example.COM", "ada@ｅxample.com"])
def test_any_spelling_of_the_address_lets_its_person_in(
    visitor: Client, user: User, spelling: str
) -> None:
    assert log_in(visitor, spelling).status_code == 302
    assert visitor.session["_auth_user_id"] == str(user.pk)


def test_the_session_changes_its_name_at_log_in(visitor: Client, user: User) -> None:
    visitor.get(LOGIN)
    session = visitor.session
    session["planted"] = "by a stranger"
    session.save()
    before = session.session_key
    log_in(visitor, user.email)
    assert visitor.session.session_key != before


def test_known_and_unknown_people_hear_the_same(visitor: Client, user: User) -> None:
    pages = {
        (answer.status_code, page_without_tokens(answer, email=email))
        for email in (user.email, "nobody@example.com")
        for answer in [log_in(visitor, email, "a wrong password")]
    }
    assert len(pages) == 1


def test_looking_at_the_way_out_logs_nobody_out(client: Client) -> None:
    client.get("/accounts/logout/")
    assert is_logged_in(client)
    client.post("/accounts/logout/")
    assert not is_logged_in(client)


def test_a_disabled_person_is_out_at_once_and_stays_out(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/accounts/email/").headers["Location"].startswith(LOGIN)
    log_in(Client(), user.email)
    assert not is_logged_in(Client())


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "\\\\evil.example", "http:evil.example",
        "https://evil.example/", "/%5cevil.example", "javascript:alert(1)", "///evil.example",
        "https:///evil.example", "\t//evil.example", "http://testserver@evil.example/",
    ],
)  # fmt: skip
def test_after_log_in_nobody_is_sent_elsewhere(visitor: Client, user: User, target: str) -> None:
    answer = visitor.post(LOGIN, {"login": user.email, "password": PASSWORD, "next": target})
    assert answer.status_code == 302
    whole = urljoin("http://testserver/", answer.headers["Location"].replace("\\", "/"))
    assert urlsplit(whole).netloc == "testserver"


def test_after_log_in_people_go_on_where_they_were(visitor: Client, user: User) -> None:
    answer = visitor.post(LOGIN, {"login": user.email, "password": PASSWORD, "next": "/mailbox/"})
    assert answer.headers["Location"] == "/mailbox/"
