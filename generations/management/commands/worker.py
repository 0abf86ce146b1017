"""`manage.py worker`: the loop that moves generations, and RQ's ear for the bell."""

import logging
import signal
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from redis import RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from generations import checks
from generations.pipeline import jobs
from generations.pipeline.engine import Engine
from imagestudio.lib import queue
from imagestudio.lib.limits import raise_open_files

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
PING_SECONDS = 2.0
# A thousand orders in flight hold a thousand sockets, and then the files beside them.
OPEN_FILES = 8192


class Ear(SimpleWorker):
    """RQ in the main thread. It never sleeps long: the loop beside it does not wait for it."""

    max_connection_wait_time = 5.0


class Command(BaseCommand):
    help = "Move generations along: order, ask, fetch, store, settle."
    requires_system_checks = (checks.TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--grace",
            type=float,
            default=8.0,
            help="seconds that steps in flight may take at a stop (default 8)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        raise_open_files(OPEN_FILES)
        engine = Engine()
        jobs.serve(engine)
        # First the loop, then Redis: a cold start without Redis works like any other.
        engine.start()
        try:
            _listen(engine)
        finally:
            engine.stop(grace_seconds=options["grace"])


def _listen(engine: Engine) -> None:
    stopping: list[int] = []
    _stop_on_signals(stopping)
    while not stopping and engine.is_alive():
        try:
            _ear().work(max_jobs=None, logging_level="WARNING")
            return
        except (RedisError, OSError):
            logger.warning("no bell; looking every second")
            _sleep(RECONNECT_SECONDS, stopping)
        # RQ puts its own handlers in place while it works and leaves them there.
        _stop_on_signals(stopping)


def _ear() -> Ear:
    # A server that takes the connection and never answers must not hold up the end.
    queue.connection(timeout_seconds=PING_SECONDS).ping()
    connection = queue.connection(timeout_seconds=30)
    return Ear(
        [queue.bell(connection)],
        connection=connection,
        serializer=JSONSerializer,
        job_monitoring_interval=5,
        maintenance_interval=60,
    )


def _stop_on_signals(stopping: list[int]) -> None:
    """Note each wish to stop in the list."""

    def note(signum: int, frame: FrameType | None) -> None:
        stopping.append(signum)

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)


def _sleep(seconds: float, stopping: list[int]) -> None:
    end = time.monotonic() + seconds
    while not stopping and time.monotonic() < end:
        time.sleep(0.05)
