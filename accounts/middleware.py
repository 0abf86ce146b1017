"""Tell each request for whom it acts."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

from accounts.http import TeamRequest
from accounts.models import Membership, Team
from accounts.viewer import Viewer, seat_of, viewer_from

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@sync_and_async_middleware
def team_of_the_request(
    get_response: Callable[[HttpRequest], Answer],
) -> Callable[[HttpRequest], Answer]:
    """Add `team`, `viewer` and `aviewer`. Nothing is read until one of them is touched."""
    if iscoroutinefunction(get_response):

        async def waiting(request: HttpRequest) -> HttpResponseBase:
            _introduce(cast(TeamRequest, request))
            return await cast(Awaitable[HttpResponseBase], get_response(request))

        return waiting

    def plain(request: HttpRequest) -> Answer:
        _introduce(cast(TeamRequest, request))
        return get_response(request)

    return plain


def _introduce(request: TeamRequest) -> None:
    seat = cast(Membership, SimpleLazyObject(partial(_seat, request)))
    request.team = cast(Team, SimpleLazyObject(lambda: seat.team))
    request.viewer = cast(Viewer, SimpleLazyObject(lambda: viewer_from(seat)))
    request.aviewer = sync_to_async(lambda: viewer_from(seat))


def _seat(request: TeamRequest) -> Membership:
    if not request.user.is_authenticated:
        # Only a view that forgot to ask for a log-in comes here.
        raise PermissionDenied
    return seat_of(request.user)
