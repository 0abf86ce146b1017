"""Ask each thing that we stand on whether it is there. Quick, and safe to repeat."""

import os
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from redis import RedisError

from imagestudio.lib import queue

QUEUE_TIMEOUT_SECONDS = 1.0
Check = Callable[[], None]


def database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def redis() -> None:
    line = queue.connection(timeout_seconds=QUEUE_TIMEOUT_SECONDS)
    try:
        line.ping()
    finally:
        line.close()


def storage() -> None:
    if settings.S3_CONFIGURED:
        default_storage.exists("readiness")
        return
    settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
    if not os.access(settings.MEDIA_ROOT, os.W_OK):
        raise PermissionError(f"{settings.MEDIA_ROOT} cannot be written to.")


def fault_of(check: Check) -> str:
    """Empty when all is well, else what the system said."""
    try:
        check()
    except (OSError, DatabaseError, RedisError, BotoCoreError, ClientError) as error:
        return f"{type(error).__name__}: {error}"
    return ""
