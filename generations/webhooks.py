"""The address that providers call. It stores what came and answers; nothing is believed here."""

import hashlib
import hmac
import logging
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.addresses import peer_address
from generations.models import Attempt, EventState, InboundEvent
from generations.protocols import registry
from generations.provider_accounts import callback_secret, token_hash
from imagestudio.lib import queue
from imagestudio.lib.killpoints import reached

logger = logging.getLogger(__name__)

BODY_BYTES_MAX = 256 * 1024
# Bodies of callers that proved nothing are kept for the operator, but not without an end.
STRANGERS_AN_HOUR = 200


@csrf_exempt
@require_POST
def receive(request: HttpRequest, protocol: str, token: str) -> HttpResponse:
    """200: stored; 401: wrong secret; 404: unknown address; 413: too much."""
    body = _body(request)
    if body is None:
        return _answer(413)
    if not registry.is_known(protocol):
        return _answer(404)
    attempt = _attempt(protocol, token)
    if attempt is None:
        _record_stranger(protocol, token, body, "unknown_token", request)
        return _answer(404)
    if not _is_authentic(protocol, attempt, request):
        _record_stranger(protocol, token, body, "wrong_secret", request, attempt=attempt)
        return _answer(401)
    event = _record_once(protocol, token, body, request, attempt=attempt)
    if event is not None:
        reached("webhook.recorded")
        queue.ring(queue.RING_EVENT, event.pk)
    return _answer(200)


def _body(request: HttpRequest) -> bytes | None:
    """None when it is larger than any report."""
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return None
    if declared > BODY_BYTES_MAX:
        return None
    body = request.read(BODY_BYTES_MAX + 1)
    return body if len(body) <= BODY_BYTES_MAX else None


def _attempt(protocol: str, token: str) -> Attempt | None:
    rows = Attempt.objects.select_related("account")
    return rows.filter(token_hash=token_hash(token), account__protocol=protocol).first()


def _is_authentic(protocol: str, attempt: Attempt, request: HttpRequest) -> bool:
    headers = {name.lower(): value for name, value in request.headers.items()}
    presented = registry.callback_secret(protocol, headers)
    expected = callback_secret(attempt)
    return bool(expected) and hmac.compare_digest(
        presented.encode("utf-8", "surrogateescape"), expected.encode()
    )


def _record_once(
    protocol: str, token: str, body: bytes, request: HttpRequest, **fields: Any
) -> InboundEvent | None:
    """The stored row; None when this very body has been stored before, which is a success."""
    dedupe_key = hashlib.sha256(f"{protocol}\0{token}\0".encode("utf-8", "replace") + body)
    try:
        with transaction.atomic(durable=True):
            return InboundEvent.objects.create(
                protocol=protocol,
                body=body,
                dedupe_key=dedupe_key.hexdigest(),
                remote_address=peer_address(request) or None,
                **fields,
            )
    except IntegrityError:
        return None


def _record_stranger(
    protocol: str,
    token: str,
    body: bytes,
    reason: str,
    request: HttpRequest,
    *,
    attempt: Attempt | None = None,
) -> None:
    """Park what cannot be trusted. It never leads to anything by itself."""
    logger.warning("webhook refused", extra={"reason": reason})
    since = timezone.now() - timedelta(hours=1)
    strangers = InboundEvent.objects.filter(
        parked_reason__in=("unknown_token", "wrong_secret"), created_at__gte=since
    )
    if strangers.count() >= STRANGERS_AN_HOUR:
        return
    # Kept under a name of its own: it must not stand in the way of the true report, whose body
    # may be the same, byte for byte.
    _record_once(
        protocol,
        f"{reason}:{token}",
        body,
        request,
        attempt=attempt,
        state=EventState.PARKED,
        parked_reason=reason,
        processed_at=timezone.now(),
    )


def _answer(status: int) -> JsonResponse:
    return JsonResponse({}, status=status)
