"""Addresses of thumbnails that need no look-up of the person, for a few minutes."""

import time
from uuid import UUID

from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare

# The same token within a window, so that a page keeps its ETag and the browser its cache.
WINDOW_SECONDS = 150
_SALT = "generations.thumbs"


def thumb_url(asset_id: UUID, side: int) -> str:
    """Holds for one window after this one, at most five minutes."""
    return reverse("thumb", args=[_token(asset_id, window()), asset_id, side])


def is_fresh(token: str, asset_id: UUID) -> bool:
    """Whether the token was made for this asset, in this window or the last."""
    now = window()
    return any(constant_time_compare(token, _token(asset_id, number)) for number in (now, now - 1))


def _token(asset_id: UUID, number: int) -> str:
    return signing.Signer(salt=_SALT).signature(f"{asset_id.hex}.{number}")


def window() -> int:
    """The number of the window that we are in."""
    return int(time.time()) // WINDOW_SECONDS
