"""What nobody else may keep."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.decorators import sync_and_async_middleware

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@sync_and_async_middleware
def private_unless_said(
    get_response: Callable[[HttpRequest], Answer],
) -> Callable[[HttpRequest], Answer]:
    """Mark every answer that says nothing about caching as private.

    A cache may guess how long a page without a word is good for, and for whom; most of ours show
    one person's things, error pages and redirects included.
    """
    if iscoroutinefunction(get_response):

        async def waiting(request: HttpRequest) -> HttpResponseBase:
            return _marked(await cast(Awaitable[HttpResponseBase], get_response(request)))

        return waiting

    def plain(request: HttpRequest) -> Answer:
        return _marked(cast(HttpResponseBase, get_response(request)))

    return plain


def _marked(response: HttpResponseBase) -> HttpResponseBase:
    if not response.has_header("Cache-Control"):
        patch_cache_control(response, private=True, no_cache=True)
    return response
