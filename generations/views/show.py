"""One generation: its card in the stream, and its page with everything that is known of it."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_GET

from accounts.billing import queries as money
from accounts.http import TeamRequest
from generations import details, queries
from generations.cards import card as make_card
from generations.etags import of_page
from generations.models import Generation
from generations.tiles import large
from generations.views.create import generation_or_404


@login_required
@require_GET
@cache_control(private=True, no_cache=True)
def card(request: TeamRequest, public_id: UUID) -> HttpResponse:
    generation = generation_or_404(request, public_id)
    return render(request, "generations/_card.html", {"card": make_card(generation)})


@login_required
@require_GET
@cache_control(private=True, no_cache=True)
@condition(etag_func=of_page)
def detail(request: TeamRequest, public_id: UUID, position: int | None = None) -> HttpResponse:
    generation = generation_or_404(request, public_id)
    shown = make_card(generation)
    ready = [tile for tile in shown.tiles if tile.is_ready]
    chosen = [tile for tile in ready if (tile.number or 1) == position]
    if position is not None and not chosen and not generation.is_open:
        raise Http404
    tile = chosen[0] if chosen else next(iter(ready), None)
    entries = money.ledger(request.viewer).filter(reference=f"capture:{generation.hold_reference}")
    lines = money.lines(request.viewer, entries)
    return render(
        request,
        "generations/detail.html",
        {"card": shown, "tile": tile and large(tile), **_beside(request, generation)}
        | details.page(generation, tile, lines=lines),
    )


def _beside(request: TeamRequest, generation: Generation) -> dict[str, str]:
    newer, older = queries.neighbours(request.viewer, generation)
    return {"previous_url": _url(newer), "next_url": _url(older)}


def _url(generation: Generation | None) -> str:
    return reverse("generation", args=[generation.public_id]) if generation else ""
