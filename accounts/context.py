"""The template variable `frame`: what the base template shows around every page."""

from functools import cached_property
from typing import cast

from django.conf import settings
from django.http import HttpRequest

from accounts.billing.queries import Balance, balance
from accounts.frame import provided
from accounts.http import TeamRequest
from accounts.models import Team, User

SITE_NAME = "ImageStudio"


class Frame:
    """Each value is looked up when a template first shows it, and then kept."""

    site_name = SITE_NAME

    def __init__(self, request: HttpRequest) -> None:
        self._request = cast(TeamRequest, request)

    @cached_property
    def user(self) -> User | None:
        """None when logged out. A page for an early refusal may have no user at all."""
        user = getattr(self._request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def team(self) -> Team | None:
        return self._request.team if self.user else None

    @cached_property
    def balance(self) -> Balance | None:
        return balance(self._request.viewer.team_id) if self.user else None

    @cached_property
    def open_count(self) -> object:
        """Unfinished generations."""
        if not self.user:
            return 0
        return provided("open_count", viewer=self._request.viewer, default=0)

    @property
    def demo_mailbox(self) -> bool:
        return bool(settings.DEMO_MAILBOX)

    @property
    def active(self) -> str:
        """The name of the page, so that the navigation can mark it."""
        match = self._request.resolver_match
        return (match.url_name or "") if match else ""


def frame(request: HttpRequest) -> dict[str, Frame]:
    return {"frame": Frame(request)}
