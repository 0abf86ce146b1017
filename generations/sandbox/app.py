"""The sandbox as a web application: JourneyAPI's provider side over the painter.

Control endpoints for tests lie under /_sandbox/ and want the same key.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from generations.protocols.journeyapi import server, wire
from generations.sandbox import answers, faults, orders
from generations.sandbox.callbacks import CallbackSender
from generations.sandbox.control import Control
from generations.sandbox.images import Images
from generations.sandbox.pictures import Pictures
from generations.sandbox.store import Store
from imagestudio.lib import http

BODY_BYTES_MAX = 1024 * 1024
RETRY_AFTER_SECONDS = 2
ORDER_PATH = wire.API_PREFIX + wire.IMAGINE_PATH
REFUSALS = {
    "refused": (400, "prompt was refused"),
    "402": (402, "Insufficient credits"),
    "429": (429, "Rate limit exceeded"),
    "503": (503, "Service unavailable"),
}
Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(
    store_path: Path,
    *,
    api_key: str,
    callback_hosts: Collection[str] | None = None,
    speed: float = 1.0,
) -> ASGIApp:
    """`callback_hosts` are the host:port pairs callbacks may go to; None allows all.

    `speed` divides the usual rendering times.
    """
    sandbox = Sandbox(store_path, api_key=api_key, callback_hosts=callback_hosts, speed=speed)
    return sandbox.application()


class Sandbox:
    """One upstream with its store, its pictures and its callbacks."""

    def __init__(
        self,
        store_path: Path,
        *,
        api_key: str,
        callback_hosts: Collection[str] | None,
        speed: float,
    ) -> None:
        self._store_path = store_path
        self._api_key = api_key
        self._callback_hosts = callback_hosts
        self._speed = speed

    def application(self) -> ASGIApp:
        prefix = wire.API_PREFIX
        routes = [
            Route(ORDER_PATH, self._guarded(self._imagine), methods=["POST"]),
            Route(prefix + wire.FETCH_PATH, self._guarded(self._fetch), methods=["POST"]),
            Route(prefix + wire.FETCH_MANY_PATH, self._guarded(self._fetch_many), methods=["POST"]),
            Route(prefix + wire.ACCOUNT_PATH, self._guarded(self._account), methods=["GET"]),
            Route("/cdn/{task_id}/{name}", self._image, methods=["GET"]),
            Route("/_sandbox/stats", self._guarded(self._stats), methods=["GET"]),
            Route("/_sandbox/orders", self._guarded(self._orders), methods=["GET"]),
            Route("/_sandbox/reset", self._guarded(self._reset), methods=["POST"]),
            Route("/healthz", _healthy, methods=["GET"]),
        ]
        return self._watched(Starlette(routes=routes, lifespan=self._lifespan))

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._store = Store(self._store_path)
        self._control = Control(self._store)
        pictures = Pictures(self._store_path.parent / "pictures")
        self._images = Images(store=self._store, pictures=pictures)
        egress = http.Egress()
        self._sender = CallbackSender(store=self._store, egress=egress, hosts=self._callback_hosts)
        sending = asyncio.create_task(self._sender.run())
        try:
            yield
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
            await egress.close()
            pictures.close()
            self._store.close()

    def _watched(self, app: ASGIApp) -> ASGIApp:
        """Count the orders in flight, and keep the connection at hand for answers that tear it."""

        async def watch(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            # uvicorn passes the bound method of its request, which knows the connection.
            scope[answers.TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
            if scope["method"] != "POST" or scope["path"] != ORDER_PATH:
                await app(scope, receive, send)
                return
            with self._control.one_in_flight():
                await app(scope, receive, send)

        return watch

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guard(request: Request) -> Response:
            header = request.headers.get("authorization", "")
            if not server.is_authorized(header, api_key=self._api_key):
                return _error(401)
            try:
                return await endpoint(request)
            except server.Refused as refused:
                return _error(400, *refused.messages)

        return guard

    async def _imagine(self, request: Request) -> Response:
        self._store.count("posts")
        imagine = server.parse_imagine(await _json(request))
        asked = faults.parse(imagine.prompt)
        refusal = self._refusal(imagine.prompt, asked)
        if refusal is not None:
            self._store.count("refused")
            return refusal
        order, callbacks = orders.accept(
            imagine, now=time.time(), speed=self._speed, base_url=str(request.base_url).rstrip("/")
        )
        self._store.add(order, callbacks=callbacks)
        if "webhook-early" in asked:
            await self._sender.send_all_of(order.task_id)
        if order.duration_seconds == 0:
            task = orders.report(order, now=time.time())
            return _accepted(server.render_task(task), asked)
        return _accepted(server.render_accepted(order.task_id), asked)

    def _refusal(self, prompt: str, asked: faults.Faults) -> Response | None:
        for tag, (status, message) in REFUSALS.items():
            if tag not in asked:
                continue
            times = asked.count(tag, default=0)
            if times and self._store.count(f"refusals {tag} {prompt}") > times:
                continue
            wait = {"retry-after": str(RETRY_AFTER_SECONDS)} if status in (429, 503) else {}
            return _error(status, message, headers=wait)
        return None

    async def _fetch(self, request: Request) -> Response:
        self._store.count("fetches")
        order = self._store.order(server.parse_fetch(await _json(request)))
        if order is None:
            raise server.Refused(server.NOT_FOUND)
        return JSONResponse(server.render_task(orders.report(order, now=time.time())))

    async def _fetch_many(self, request: Request) -> Response:
        self._store.count("fetches")
        found = map(self._store.order, server.parse_fetch_many(await _json(request)))
        now = time.time()
        tasks = [orders.report(order, now=now) for order in found if order is not None]
        return JSONResponse(server.render_tasks(tasks))

    async def _account(self, _: Request) -> Response:
        images = self._store.accepted_count()
        return JSONResponse(
            server.render_account(
                email="sandbox@localhost", credits=1_000_000, images=images, plan="enterprise"
            )
        )

    async def _image(self, request: Request) -> Response:
        return await self._images.answer(
            request.path_params["task_id"], name=request.path_params["name"]
        )

    async def _stats(self, request: Request) -> Response:
        return JSONResponse(
            self._control.stats(containing=request.query_params.get("contains", ""))
        )

    async def _orders(self, request: Request) -> Response:
        containing = request.query_params.get("contains", "")
        return JSONResponse(self._control.orders(containing=containing))

    async def _reset(self, _: Request) -> Response:
        self._control.forget_maximum()
        return JSONResponse({})


def _accepted(body: dict[str, object], asked: faults.Faults) -> Response:
    """The answer to an accepted order, or what the prompt wants in its place."""
    if "accept-then-hang" in asked:
        return answers.NoAnswer()
    if "accept-then-reset" in asked:
        return answers.Reset()
    if "500-after-accept" in asked:
        return _error(500)
    if "post" in asked:
        return answers.LateAnswer(body, after_seconds=asked.seconds("post"))
    return JSONResponse(body)


async def _json(request: Request) -> object:
    """Raises Refused for what is not JSON, or too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise server.Refused("body is too large")
    try:
        return wire.parse_json(bytes(body))
    except (ValueError, json.JSONDecodeError) as error:
        raise server.Refused("body must be a JSON object") from error


def _error(status: int, *messages: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(server.render_error(status, *messages), status_code=status, headers=headers)


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")
