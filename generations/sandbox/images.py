"""Hand out an order's images, and what a faulty image host makes of them."""

import time

from starlette.responses import HTMLResponse, JSONResponse, Response

from generations.protocols.journeyapi import wire
from generations.sandbox import answers, faults, orders
from generations.sandbox.pictures import Pictures
from generations.sandbox.store import AcceptedOrder, Store

MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg"}
ERROR_PAGE = "<!doctype html><title>Sign in</title><h1>Please sign in to continue</h1>"


class Images:
    """The provider's image host."""

    def __init__(self, *, store: Store, pictures: Pictures) -> None:
        self._store = store
        self._pictures = pictures

    async def answer(self, task_id: str, *, name: str) -> Response:
        order = self._store.order(task_id)
        if order is None or not _is_finished(order) or _is_withheld(order, name):
            return JSONResponse({}, status_code=404)
        if "html" in faults.parse(order.prompt):
            return HTMLResponse(ERROR_PAGE)
        content = await self._pictures.get(order, name)
        if content is None:
            return JSONResponse({}, status_code=404)
        self._store.count("images_served")
        return self._sent(order, name, content)

    def _sent(self, order: AcceptedOrder, name: str, content: bytes) -> Response:
        asked = faults.parse(order.prompt)
        media_type = MEDIA_TYPES[name.rsplit(".", 1)[-1]]
        if "truncated" in asked or ("flaky-image" in asked and self._is_first(order, name)):
            return answers.BrokenOff(content, media_type=media_type)
        if "cut" in asked:
            content = content[: len(content) // 2]
        return Response(content, media_type=media_type)

    def _is_first(self, order: AcceptedOrder, name: str) -> bool:
        return self._store.count(f"looks {order.task_id} {name}") == 1


def _is_finished(order: AcceptedOrder) -> bool:
    return orders.report(order, now=time.time()).status is wire.Status.FINISHED


def _is_withheld(order: AcceptedOrder, name: str) -> bool:
    """The last N panels are missing; the sheet, which shows them all, is not."""
    missing = faults.parse(order.prompt).count("partial", default=1)
    return name in {f"0_{orders.PANELS - 1 - place}.png" for place in range(missing)}
