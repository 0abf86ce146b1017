"""Reads of generations and their images. Each begins with the viewer and ends in a total order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, OuterRef, Prefetch, Q, QuerySet, Subquery, When

from accounts.models import Role
from accounts.viewer import Viewer
from generations.models import (
    OPEN,
    Asset,
    AssetKind,
    Generation,
    ProviderAccount,
    Status,
    Visibility,
)

PICTURES = (AssetKind.PANEL, AssetKind.SINGLE)
SEES_IMAGES = frozenset(Role) - {Role.BILLING}


def visible_to(viewer: Viewer) -> QuerySet[Generation]:
    """What the viewer's team shares, and what the viewer alone made."""
    rows = Generation.objects.filter(team_id=viewer.team_id)
    mine = Q(made_by_id=viewer.user_id)
    if viewer.role not in SEES_IMAGES:
        return rows.filter(mine)
    return rows.filter(mine | Q(visibility=Visibility.TEAM))


def stream(viewer: Viewer) -> QuerySet[Generation]:
    """Newest first, with the pictures that a card shows."""
    return _with_pictures(visible_to(viewer)).order_by("-created_at", "-pk")


def generation(viewer: Viewer, public_id: UUID) -> Generation:
    """Raises Generation.DoesNotExist, also for what exists and is not the viewer's to see."""
    return _with_pictures(visible_to(viewer)).get(public_id=public_id)


def gallery(viewer: Viewer) -> QuerySet[Asset]:
    """Every picture that the viewer may see, newest first; sheets only repeat their panels."""
    rows = Asset.objects.filter(generation__in=visible_to(viewer), kind__in=PICTURES)
    return rows.select_related("generation").order_by("-created_at", "-pk")


def asset(viewer: Viewer, public_id: UUID) -> Asset:
    """Raises Asset.DoesNotExist, also for what exists and is not the viewer's to see."""
    rows = Asset.objects.select_related("generation")
    return rows.filter(generation__in=visible_to(viewer)).get(public_id=public_id)


def prompts(viewer: Viewer, public_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What was asked for, of those generations that the viewer may see."""
    rows = visible_to(viewer).filter(public_id__in=public_ids)
    return dict(rows.values_list("public_id", "prompt"))


def open_count(viewer: Viewer) -> int:
    return visible_to(viewer).filter(status__in=OPEN).count()


def place_in_line(row: Generation) -> int:
    """How many orders wait before this one, and itself: 1 is the next."""
    known: int | None = getattr(row, "place", None)
    if known is not None:
        return known
    return _ahead(created_at=row.created_at, pk=row.pk).count()


def neighbours(viewer: Viewer, row: Generation) -> tuple[Generation | None, Generation | None]:
    """The newer and the older generation beside this one that have pictures."""
    rows = visible_to(viewer).filter(status=Status.SUCCEEDED)
    newer = rows.filter(
        Q(created_at__gt=row.created_at) | Q(created_at=row.created_at, pk__gt=row.pk)
    )
    older = rows.filter(
        Q(created_at__lt=row.created_at) | Q(created_at=row.created_at, pk__lt=row.pk)
    )
    return newer.order_by("created_at", "pk").first(), older.order_by("-created_at", "-pk").first()


def recent_seconds(model: str, *, rows_max: int = 200) -> list[float]:
    """How long the last orders of the model took, from hold to stored copy."""
    done = Generation.objects.filter(
        model=model,
        status=Status.SUCCEEDED,
        settled_at__isnull=False,
        delivered_free_at__isnull=True,
    )
    pairs = done.order_by("-created_at", "-pk").values_list("created_at", "settled_at")[:rows_max]
    return [(end - start).total_seconds() for start, end in pairs if end is not None]


def changed_since(moment: datetime) -> Sequence[Generation]:
    """Rows that moved, whoever they belong to: the live stream sorts out who may hear of them.

    The newest first: where more have moved than one look takes, the older ones were seen before.
    """
    rows = Generation.objects.filter(changed_at__gt=moment).order_by("-changed_at", "-pk")
    return list(
        rows.only("public_id", "team_id", "made_by_id", "visibility", "status", "changed_at")[:1000]
    )


def accounts() -> QuerySet[ProviderAccount]:
    return ProviderAccount.objects.order_by("name")


def by_status() -> dict[str, int]:
    counts = Generation.objects.values_list("status").annotate(Count("pk")).order_by("status")
    return dict(counts)


def _ahead(*, created_at: datetime | OuterRef, pk: int | OuterRef) -> QuerySet[Generation]:
    waiting = Generation.objects.filter(status=Status.QUEUED)
    return waiting.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lte=pk))


# In the same query as the rows: a stream of waiting cards must not ask once for each.
_PLACE = Case(
    When(
        status=Status.QUEUED,
        then=Subquery(
            _ahead(created_at=OuterRef("created_at"), pk=OuterRef("pk"))
            .order_by()
            .values("status")
            .annotate(place=Count("pk"))
            .values("place")
        ),
    )
)


def _with_pictures(rows: QuerySet[Generation]) -> QuerySet[Generation]:
    return rows.annotate(place=_PLACE).prefetch_related(
        Prefetch("assets", queryset=Asset.objects.order_by("kind", "position"))
    )
