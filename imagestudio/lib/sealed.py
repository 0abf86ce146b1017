"""Secrets at rest: encrypted columns, and keys derived for one purpose each."""

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


def derive(purpose: str, message: str) -> str:
    """256 bits as base64url, from the newest sealing key. Two purposes never share a value."""
    key = hashlib.sha256(f"imagestudio.{purpose}:{settings.SEALING_KEYS[0]}".encode()).digest()
    return _base64url(hmac.new(key, message.encode(), hashlib.sha256).digest())


if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


class SealedTextField(TextField):
    """Text that is encrypted in the database. Equal texts differ there: never filter on it."""

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if not value:
            return value
        return _vault(tuple(settings.SEALING_KEYS)).decrypt(value.encode()).decode()

    def get_prep_value(self, value: Any) -> str | None:
        if not value:
            return value if value is None else ""
        return _vault(tuple(settings.SEALING_KEYS)).encrypt(str(value).encode()).decode()


@lru_cache(maxsize=4)
def _vault(keys: tuple[str, ...]) -> MultiFernet:
    """Seal with the first key, open with any: that is how a key is rotated."""
    return MultiFernet([Fernet(_fernet_key(key)) for key in keys])


def _fernet_key(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"imagestudio.seal:" + key.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
