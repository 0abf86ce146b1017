"""Put bytes into our storage, and prove that they are there."""

import hashlib
from typing import IO

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from generations.models import AssetKind, Generation
from imagestudio.lib.sealed import derive


class NotKept(Exception):
    """The storage does not give back what it was given."""


def key_for(generation: Generation, *, kind: AssetKind, position: int, extension: str) -> str:
    """Stable, so that storing twice overwrites; unguessable, so that a leak is one picture."""
    name = f"{generation.public_id.hex}/{kind.value}-{position}"
    secret = derive("object-key", name)[:24]
    return f"images/{generation.public_id.hex[-2:]}/{name}-{secret}.{extension}"


def keep(key: str, content: IO[bytes], *, sha256: str) -> None:
    """Store the bytes, read them back and compare. Raises NotKept."""
    try:
        stored = default_storage.save(key, File(content))
        intact = stored == key and _hash_of(key) == sha256
    except (OSError, BotoCoreError, ClientError) as error:
        raise NotKept(key) from error
    if not intact:
        raise NotKept(key)


def keep_bytes(key: str, content: bytes) -> None:
    """Store a rendition: it can be made again from the original. Raises NotKept."""
    try:
        default_storage.save(key, ContentFile(content))
    except (OSError, BotoCoreError, ClientError) as error:
        raise NotKept(key) from error


def is_whole(key: str, *, sha256: str) -> bool:
    """Whether the storage still gives back these very bytes."""
    try:
        return _hash_of(key) == sha256
    except (OSError, BotoCoreError, ClientError):
        return False


def _hash_of(key: str) -> str:
    digest = hashlib.sha256()
    with default_storage.open(key, "rb") as stored:
        while chunk := stored.read(256 * 1024):
            digest.update(chunk)
    return digest.hexdigest()
