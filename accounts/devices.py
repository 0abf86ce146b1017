"""Browsers in which a person has logged in before.

Guessing is limited for each account, whoever guesses. Without more, anybody could lock a person
out by guessing wrongly; so a browser that the person has used counts its own failures.
"""

import hmac

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import get_random_string

from accounts.models import fold_email
from imagestudio.lib.sealed import derive

SALT = "accounts.devices"
AGE_SECONDS = 365 * 24 * 3600


def cookie_name() -> str:
    """Beside the session's, which tells two studios on one machine apart."""
    return f"device_{settings.SESSION_COOKIE_NAME}"


def remember(response: HttpResponseBase, *, email: str) -> None:
    """Mark the browser as one in which this person has logged in."""
    mark = signing.dumps([_person(email), get_random_string(22)], salt=SALT)
    response.set_cookie(
        cookie_name(),
        mark,
        max_age=AGE_SECONDS,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known(request: HttpRequest, *, email: str) -> str:
    """The browser's own name when this person has used it, else an empty string."""
    try:
        person, nonce = signing.loads(
            request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=AGE_SECONDS
        )
    except (signing.BadSignature, ValueError):
        return ""
    return str(nonce) if hmac.compare_digest(str(person), _person(email)) else ""


def _person(email: str) -> str:
    return derive(SALT, fold_email(email))
