"""Our own address for every picture: thumbnails by a brief token, originals by the session."""

import re
from typing import Self
from uuid import UUID

from asgiref.sync import sync_to_async
from botocore.exceptions import BotoCoreError, ClientError
from django.contrib.auth.decorators import login_required
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from accounts.http import TeamRequest
from generations import queries
from generations.embed import embed
from generations.models import Asset
from generations.pictures import RENDITION_SIDES
from generations.thumbs import WINDOW_SECONDS, is_fresh

CHUNK_BYTES = 256 * 1024
# A picture is data, whatever a browser may think of it.
_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@require_GET
@cache_control(private=True, max_age=WINDOW_SECONDS)
def thumb(request: HttpRequest, token: str, public_id: UUID, side: int) -> HttpResponseBase:
    """The rendition with this long side. A token that is too old falls back to the session."""
    if side not in RENDITION_SIDES:
        raise Http404
    asset = _by_token(token, public_id) or _by_session(request, public_id)
    with _open(asset.rendition_key(side)) as stored:
        return HttpResponse(stored.read(), content_type="image/webp", headers=_SAFE_HEADERS)


@login_required
@require_GET
@cache_control(private=True, no_cache=True)
def original(request: TeamRequest, public_id: UUID) -> HttpResponseBase:
    """The stored bytes. A browser that has them asks again each time, and is told that it has."""
    asset = _seen_asset(request, public_id)
    etag = f'"{asset.sha256}"'
    return get_conditional_response(request, etag=etag) or _streamed(request, asset, etag=etag)


def _streamed(request: HttpRequest, asset: Asset, *, etag: str) -> StreamingHttpResponse:
    stored = _open(asset.key)
    response: StreamingHttpResponse
    if isinstance(request, ASGIRequest):
        response = StreamingHttpResponse(_AsyncChunks(stored))
    else:
        response = FileResponse(stored)
    for name, value in _SAFE_HEADERS.items():
        response[name] = value
    response["Content-Type"] = asset.content_type
    response["Content-Length"] = str(asset.size_bytes)
    response["Content-Disposition"] = f'inline; filename="{filename(asset)}"'
    response["ETag"] = etag
    return response


@login_required
@require_GET
@cache_control(private=True, no_store=True)
def download(request: TeamRequest, public_id: UUID) -> HttpResponse:
    """A copy with prompt and settings inside: never keys, ids or addresses of ours."""
    asset = _seen_asset(request, public_id)
    with _open(asset.key) as stored:
        image = stored.read()
    copy = embed(
        image,
        content_type=asset.content_type,
        prompt=asset.generation.prompt,
        settings=_settings(asset),
    )
    response = HttpResponse(copy, content_type=asset.content_type, headers=_SAFE_HEADERS)
    response["Content-Disposition"] = f'attachment; filename="{filename(asset)}"'
    return response


def filename(asset: Asset) -> str:
    """Date, model, first words, position: plain ASCII, so that every system takes it."""
    generation = asset.generation
    words = re.sub(r"[^a-z0-9]+", "-", generation.prompt.lower().partition("--")[0]).strip("-")
    extension = asset.key.rpartition(".")[2]
    start = f"{generation.created_at:%Y-%m-%d}_{generation.model}"
    return f"{start}_{words[:40].strip('-') or 'image'}_{asset.position + 1}.{extension}"


def _settings(asset: Asset) -> dict[str, str | int]:
    generation = asset.generation
    settings: dict[str, str | int] = {"model": generation.model_name, **generation.parameters}
    if generation.seed:
        settings["seed"] = generation.seed
    return settings


def _by_token(token: str, public_id: UUID) -> Asset | None:
    if not is_fresh(token, public_id):
        return None
    return Asset.objects.only("key").filter(public_id=public_id).first()


def _by_session(request: HttpRequest, public_id: UUID) -> Asset:
    if not request.user.is_authenticated:
        raise Http404
    return _seen_asset(request, public_id)  # type: ignore[arg-type] # the middleware adds the viewer


def _seen_asset(request: TeamRequest, public_id: UUID) -> Asset:
    try:
        return queries.asset(request.viewer, public_id)
    except Asset.DoesNotExist:
        raise Http404 from None


class _AsyncChunks:
    """A file for an event loop, which would read a plain one whole before it sends any of it."""

    def __init__(self, stored: "File[bytes]") -> None:
        self._stored = stored

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk: bytes = await sync_to_async(self._stored.read, thread_sensitive=False)(CHUNK_BYTES)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def close(self) -> None:
        """Django calls it at the end of the answer, also of one that nobody read."""
        self._stored.close()


def _open(key: str) -> "File[bytes]":
    try:
        return default_storage.open(key, "rb")
    except (FileNotFoundError, BotoCoreError, ClientError):
        raise Http404 from None
