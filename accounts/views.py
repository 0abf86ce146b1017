"""The pages about people that allauth does not bring."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.queries import newest_letters

RETRY_AFTER_SECONDS = 60


@require_safe
@never_cache
def mailbox(request: HttpRequest) -> HttpResponse:
    """Open to everyone, because the code that lets a newcomer in arrives here."""
    if not settings.DEMO_MAILBOX:
        raise Http404
    return render(request, "accounts/mailbox.html", {"letters": newest_letters()})


def too_many_requests(
    request: HttpRequest, *, retry_after_seconds: int = RETRY_AFTER_SECONDS
) -> HttpResponse:
    """The answer to every rate limit of a form for people."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = str(retry_after_seconds)
    return response
