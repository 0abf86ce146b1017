"""`manage.py ticker`: rings for what is due, and does what time alone brings."""

import logging
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from generations.pipeline import sweep

logger = logging.getLogger(__name__)

TICK_SECONDS = 2.0
EXPIRE_SECONDS = 60.0


class Command(BaseCommand):
    help = "Ring for what is due, expire credits. Several may run; nothing happens twice."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        expire_at = 0.0
        while not stop.is_set():
            close_old_connections()
            try:
                sweep.ring_what_is_due()
                if time.monotonic() >= expire_at:
                    sweep.expire_lots()
                    expire_at = time.monotonic() + EXPIRE_SECONDS
            except DatabaseError as error:
                logger.warning("tick skipped", extra={"error": type(error).__name__})
            stop.wait(TICK_SECONDS)
