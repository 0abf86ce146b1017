import pytest
from django.core.mail import EmailMessage, send_mail
from django.test import Client
from pytest_django import Settings

from accounts.models import Letter
from tests.accounts.people import newest_letter, sign_up


def test_a_letter_is_kept_for_each_recipient(db: None) -> None:
    message = EmailMessage("Hello", "Text", to=["a@example.com"], bcc=["b@example.com"])
    assert message.send() == 1
    kept = Letter.objects.order_by("to").values_list("to", "subject", "body")
    assert list(kept) == [("a@example.com", "Hello", "Text"), ("b@example.com", "Hello", "Text")]


def test_a_line_break_in_a_header_is_refused(db: None) -> None:
    with pytest.raises(ValueError, match="newlines"):
        send_mail("Hello\nBcc: x@example.com", "Text", None, ["a@example.com"])
    assert not Letter.objects.exists()


def test_the_code_of_a_newcomer_is_on_the_page(visitor: Client) -> None:
    sign_up(visitor, "grace@example.com")
    page = Client().get("/mailbox/")
    code = newest_letter("grace@example.com").code
    assert len(code) == len("XXXX-XXXX")
    assert code in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]


def test_a_letter_without_a_code_has_none() -> None:
    assert not Letter(body="Your order ABC-DEF is here.\nhttps://example.com/AB-CD").code


def test_letters_are_shown_as_text(visitor: Client) -> None:
    send_mail("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", None, ["a@example.com"])
    page = visitor.get("/mailbox/").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_newest_fifty_are_shown(visitor: Client) -> None:
    Letter.objects.bulk_create(
        Letter(to="a@example.com", subject=f"letter {n:02}", body="") for n in range(52)
    )
    page = visitor.get("/mailbox/").content.decode()
    assert "letter 51" in page
    assert "letter 02" in page
    assert "letter 01" not in page


def test_there_is_no_mailbox_where_mail_is_sent(visitor: Client, settings: Settings) -> None:
    settings.DEMO_MAILBOX = False
    assert visitor.get("/mailbox/").status_code == 404


def test_the_mailbox_only_shows(visitor: Client) -> None:
    assert visitor.post("/mailbox/").status_code == 405
