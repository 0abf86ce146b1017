"""What a view behind the log-in finds on its request."""

from collections.abc import Awaitable, Callable

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import Team, User
from accounts.viewer import Viewer


class TeamRequest(HttpRequest):
    """Annotate views with it; `accounts.middleware.team_of_the_request` keeps its promises.

    `team` and `viewer` are looked up when first touched, and refuse a stranger with
    PermissionDenied. An async view awaits `aviewer()` instead.
    """

    user: User
    team: Team
    viewer: Viewer
    aviewer: Callable[[], Awaitable[Viewer]]
    htmx: HtmxDetails
