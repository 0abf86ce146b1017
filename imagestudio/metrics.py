"""What a monitor reads: the state of the work, taken from the rows at the moment of asking."""

from collections.abc import Iterator

from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.billing.models import Hold, HoldState
from generations import queries
from generations.models import Generation, Status
from imagestudio import health


class _Work(Collector):
    def collect(self) -> Iterator[Metric]:
        yield _generations()
        yield from _holds()
        up = not health.fault_of(health.redis)
        yield GaugeMetricFamily("imagestudio_queue_up", "Whether Redis answers.", value=up)
        yield GaugeMetricFamily(
            "imagestudio_oldest_due_seconds",
            "How long the most patient row has been waiting for a worker; 0 when none is due.",
            value=_oldest_due_seconds(),
        )


def text() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Work())
    return generate_latest(registry)


def _generations() -> Metric:
    family = GaugeMetricFamily("imagestudio_generations", "Rows by status.", labels=["status"])
    counts = queries.by_status()
    for status in Status:
        family.add_metric([status.value], counts.get(status.value, 0))
    return family


def _holds() -> Iterator[Metric]:
    active = Hold.objects.filter(state=HoldState.ACTIVE)
    sums = active.aggregate(count=Count("pk"), credits=Sum("credits", default=0))
    yield GaugeMetricFamily("imagestudio_holds", "Active holds.", value=sums["count"])
    yield GaugeMetricFamily("imagestudio_held_credits", "Credits held.", value=sums["credits"])


def _oldest_due_seconds() -> float:
    now = timezone.now()
    due = Generation.objects.filter(due_at__lte=now).aggregate(oldest=Min("due_at"))
    return (now - due["oldest"]).total_seconds() if due["oldest"] else 0.0
