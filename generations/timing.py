"""How long a model takes: from our own history, or the catalogue's word until there is one."""

from statistics import median

from django.core.cache import caches

from generations import queries
from generations.catalog.spec import ModelSpec

ENOUGH = 5
SLOW_PERCENTILE = 0.99
CACHE_SECONDS = 60


def typical_seconds(spec: ModelSpec) -> int:
    """The median of the last orders."""
    return _measured(spec)[0]


def slow_after_seconds(spec: ModelSpec) -> int:
    """The model's own 99th percentile: past it a card says Slow."""
    return _measured(spec)[1]


def _measured(spec: ModelSpec) -> tuple[int, int]:
    cache = caches["process"]
    key = f"seconds:{spec.id}"
    known: tuple[int, int] | None = cache.get(key)
    if known is None:
        known = _measure(spec)
        cache.set(key, known, CACHE_SECONDS)
    return known


def _measure(spec: ModelSpec) -> tuple[int, int]:
    seconds = sorted(queries.recent_seconds(spec.id))
    if len(seconds) < ENOUGH:
        return spec.seconds, spec.seconds * 4
    slowest = seconds[min(len(seconds) - 1, int(len(seconds) * SLOW_PERCENTILE))]
    typical = max(1, round(median(seconds)))
    # Ten quick orders say little about the slow ones; nobody is alarmed within twice the usual.
    return typical, max(round(slowest), typical * 2, 10)
