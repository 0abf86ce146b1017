"""Every picture, newest first."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_GET

from accounts.http import TeamRequest
from generations import queries
from generations.etags import of_page
from generations.models import Asset
from generations.tiles import Tile, caption, picture
from imagestudio.lib.paging import keyset

GALLERY_SIZE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryTile(Tile):
    """`month` is set on the first tile of each month."""

    prompt: str
    model_name: str
    created_at: datetime
    month: str


@login_required
@require_GET
@cache_control(private=True, no_cache=True)
@condition(etag_func=of_page)
def gallery(request: TeamRequest) -> HttpResponse:
    cursor = request.GET.get("cursor", "")
    rows = queries.gallery(request.viewer)
    page = keyset(rows, cursor=cursor, size=GALLERY_SIZE)
    # A page that joins another one goes on with its month.
    tiles, month = _tiles(list(page.items), after=request.GET.get("month", ""))
    context = {"tiles": tiles, "next_cursor": page.next_cursor, "last_month": month}
    if not cursor:
        total = rows.count()
        context["count_sentence"] = "1 image" if total == 1 else f"{total:,} images"
    return render(request, "generations/gallery.html", context)


def _tiles(assets: list[Asset], *, after: str) -> tuple[list[GalleryTile], str]:
    """The tiles that follow those of a month, and the month of the last one."""
    tiles, last = [], after
    for asset in assets:
        month = format_date(timezone.localtime(asset.created_at), "F Y")
        tiles.append(
            GalleryTile(
                **_fields(picture(asset.generation, asset)),
                prompt=caption(asset.generation),
                model_name=asset.generation.model_name,
                created_at=asset.created_at,
                month=month if month != last else "",
            )
        )
        last = month
    return tiles, last


def _fields(tile: Tile) -> dict[str, Any]:
    return {field.name: getattr(tile, field.name) for field in fields(tile)}
