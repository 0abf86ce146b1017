"""Addresses for machines: is it alive, is it ready, how does it fare. And the last page of all."""

import ipaddress
import sys

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template import loader
from django.templatetags.static import static
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_safe

from imagestudio import health, metrics


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers. It asks nobody else, so a dead database does not restart the web."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when requests can be served. Redis is told but not needed: submits do without it."""
    faults = {
        "database": health.fault_of(health.database),
        "storage": health.fault_of(health.storage),
        "queue": health.fault_of(health.redis),
    }
    is_ready = not (faults["database"] or faults["storage"])
    words = {name: "down" if fault else "up" for name, fault in faults.items()}
    return JsonResponse({"ready": is_ready, **words}, status=200 if is_ready else 503)


@never_cache
@require_GET
def metrics_text(request: HttpRequest) -> HttpResponse:
    """For staff, and for a monitor on this machine. To everybody else there is no such page."""
    if not _comes_from_this_machine(request) and not request.user.is_staff:
        raise Http404
    return HttpResponse(metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


@require_safe
@cache_control(max_age=24 * 3600)
def favicon(_request: HttpRequest) -> HttpResponse:
    """Browsers ask for it beside pages that name no icon, such as a picture opened alone."""
    return redirect(static("img/mark-48.png"))


def broken(_request: HttpRequest) -> HttpResponse:
    """For what no view has caught: 503 when the database is away, which passes, else 500."""
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status = 503 if is_away else 500
    # Without a context: the page's frame would ask the database again.
    page = loader.get_template(f"{status}.html").render()
    return HttpResponse(page, status=status, headers={"Retry-After": "10"} if is_away else {})


def _comes_from_this_machine(request: HttpRequest) -> bool:
    # Behind a proxy on the same machine everybody seems local; the proxy's headers give it away.
    if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
