"""From where a request came, as far as it can be believed."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """What to count a caller by: the address, or "none" for all that have none."""
    return peer_address(request) or "none"


def peer_address(request: HttpRequest) -> str:
    """The peer of the outermost trusted proxy; empty when it has no address.

    Each of the TRUSTED_PROXIES appends its own peer to X-Forwarded-For, so only that many entries
    from the right were written by us; whatever stands before them is the client's invention.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "")
    written = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    believed = written[-settings.TRUSTED_PROXIES :] if settings.TRUSTED_PROXIES > 0 else []
    return _address(believed[0]) if believed and _address(believed[0]) else _address(peer)


def _address(text: str) -> str:
    """The plain address, or an empty string. Some proxies write ports and brackets."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return ""
