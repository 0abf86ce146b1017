"""The page on which a team sees what it has and where every credit went."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.billing import queries
from accounts.http import TeamRequest
from imagestudio.lib.paging import keyset

LINES_ON_A_PAGE = 50


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def credits_page(request: TeamRequest) -> HttpResponse:
    page = keyset(
        queries.ledger(request.viewer),
        cursor=request.GET.get("cursor", ""),
        size=LINES_ON_A_PAGE,
    )
    context = {
        "balance": queries.balance(request.viewer.team_id),
        "lots": queries.lots(request.viewer),
        "lines": queries.lines(request.viewer, page.items),
        "next_cursor": page.next_cursor,
    }
    return render(request, "billing/credits.html", context)


@require_safe
@login_required
@cache_control(private=True, no_store=True)
def wallet(request: TeamRequest) -> HttpResponse:
    """The figures that stand around every page, for a page that hears they have moved."""
    return render(request, "billing/wallet.html")
