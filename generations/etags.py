"""Whether a page would come out the same as the one a browser already has."""

import hashlib
from functools import lru_cache
from typing import cast

from django.conf import settings
from django.contrib.messages import get_messages
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db.models import Max
from django.http import HttpRequest

from accounts.billing.queries import balance
from accounts.http import TeamRequest
from generations import queries
from generations.models import OPEN
from generations.thumbs import window


def of_page(request: HttpRequest, **_: object) -> str | None:
    """The tag of a page that shows generations; None when it must be made anew.

    Made of all that such a page depends on: who looks, what they may see, their credits, the
    window of the thumbnails' addresses, and the files the page asks for.
    """
    if not request.user.is_authenticated or len(get_messages(request)):
        return None
    viewer = cast(TeamRequest, request).viewer
    rows = queries.visible_to(viewer)
    if rows.filter(status__in=OPEN).exists():
        return None
    parts = (
        viewer,
        request.session.session_key,
        request.headers.get("HX-Request", ""),
        rows.aggregate(Max("changed_at"))["changed_at__max"],
        balance(viewer.team_id),
        window(),
        _look(),
    )
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


@lru_cache(maxsize=1)
def _look() -> str:
    """Changes with every release that touches a style, a script or a template."""
    files = getattr(staticfiles_storage, "hashed_files", {})
    templates = settings.BASE_DIR / "templates"
    times = sorted((str(p), p.stat().st_mtime_ns) for p in templates.rglob("*.html"))
    return hashlib.sha256(repr((sorted(files.items()), times)).encode()).hexdigest()
