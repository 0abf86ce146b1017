"""What people do with the forms, in one line each."""

import re
from typing import TYPE_CHECKING

from django.test import Client

from accounts.models import Letter

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

PASSWORD = "a long walk by the sea"
LOGIN, SIGN_UP, CONFIRM, RESET = (
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/confirm-email/",
    "/accounts/password/reset/",
)


def log_in(client: Client, email: str, password: str = PASSWORD, **extra: str) -> "Answer":
    return client.post(LOGIN, {"login": email, "password": password}, **extra)  # type: ignore[arg-type]


def sign_up(client: Client, email: str, password: str = PASSWORD) -> "Answer":
    return client.post(SIGN_UP, {"email": email, "password1": password})


def confirm(client: Client, code: str) -> "Answer":
    return client.post(CONFIRM, {"code": code})


def ask_reset(client: Client, email: str, **extra: str) -> "Answer":
    return client.post(RESET, {"email": email}, **extra)  # type: ignore[arg-type]


def newest_letter(to: str) -> Letter:
    return Letter.objects.filter(to=to).latest("pk")


def reset_link(to: str) -> str:
    found = re.search(r"https?://\S+/password/reset/key/\S+", newest_letter(to).body)
    assert found, newest_letter(to).body
    return found[0]


def is_logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def page_without_tokens(response: "Answer", *, email: str) -> str:
    """What two people can compare: the page without their address and their one-time tokens."""
    page = response.content.decode().replace(email, "EMAIL")
    return re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]*"', "", page)
