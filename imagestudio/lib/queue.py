"""Ring the worker's bell. The database is the record of work; a lost ring costs a moment."""

import logging
import time
from functools import lru_cache

import django_rq
from django.conf import settings
from django.db import transaction
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue

logger = logging.getLogger(__name__)

STEPS = "steps"
SILENT_SECONDS = 5.0
RING_GENERATION = "generations.pipeline.jobs.ring_generation"
RING_EVENT = "generations.pipeline.jobs.ring_event"

_silent_until = 0.0


def ring(job: str, identifier: int) -> None:
    """Once the transaction is committed, tell a worker that this row is due. Never raises."""
    transaction.on_commit(lambda: _ring_now(job, identifier))


def connection(*, timeout_seconds: float) -> Redis:
    """A connection that gives up quickly, so that a page is answered with Redis gone."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )


def _ring_now(job: str, identifier: int) -> None:
    global _silent_until  # noqa: PLW0603 - a process has one bell
    if time.monotonic() < _silent_until:
        return
    try:
        _steps().enqueue(job, str(identifier), result_ttl=0, failure_ttl=86_400, job_timeout=60)
    except (RedisError, OSError) as error:
        # A server that takes connections and never answers costs its timeout: not at every page.
        _silent_until = time.monotonic() + SILENT_SECONDS
        logger.warning("bell not rung", extra={"job": job, "row": identifier, "error": str(error)})


def bell(connection: Redis) -> Queue:
    """The one queue, as settings.RQ_QUEUES describes it, on this connection."""
    return django_rq.get_queue(STEPS, connection=connection)


@lru_cache(maxsize=1)
def _steps() -> Queue:
    return bell(connection(timeout_seconds=1))
