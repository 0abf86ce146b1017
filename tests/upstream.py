"""A small second upstream, written from the provider's own pages and from nothing of ours.

It speaks POST /api/v1/imagine, /fetch and /fetch-many, calls webhooks, and serves images; a wire
that our own modules misread on both sides alike would not get past it. Standard library only.
"""

import json
import struct
import threading
import time
import urllib.error
import urllib.request
import uuid
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Accepted:
    """One order that was taken, with the body it came in."""

    task_id: str
    body: dict[str, Any]
    accepted_at: float


@dataclass
class Upstream:
    """A server on a free port, for as long as the `with` block runs.

    `seconds` is how long an order takes; `size` the width and height of every image.
    """

    api_key: str = "japi_live_tests"
    webhooks: bool = True
    seconds: float = 0.3
    size: tuple[int, int] = (64, 48)
    orders: list[Accepted] = field(default_factory=list)
    webhook_answers: list[int] = field(default_factory=list)

    def __enter__(self) -> "Upstream":
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._serving.start()
        self._closing = threading.Event()
        self._callers: list[threading.Thread] = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()
        for caller in self._callers:
            caller.join()

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host_port}"

    @property
    def accepted(self) -> int:
        """How many orders were taken."""
        return len(self.orders)

    def wait_for_webhooks(self) -> None:
        """Return once every webhook planned so far was answered or refused."""
        for caller in list(self._callers):
            caller.join()

    def take(self, body: dict[str, Any]) -> str:
        order = Accepted(str(uuid.uuid4()), body, time.monotonic())
        self.orders.append(order)
        if self.webhooks and body.get("webhook_url"):
            caller = threading.Thread(target=self._call_back, args=(order,))
            self._callers.append(caller)
            caller.start()
        return order.task_id

    def task(self, task_id: str) -> dict[str, Any] | None:
        """The task object, as the pages show it."""
        for order in self.orders:
            if order.task_id == task_id:
                return self._shown(order)
        return None

    def _shown(self, order: Accepted) -> dict[str, Any]:
        model = order.body.get("model", "midjourney")
        common = {"task_id": order.task_id, "task_type": "imagine", "model": model}
        share = (time.monotonic() - order.accepted_at) / max(self.seconds, 0.001)
        if share < 1:
            return {**common, "status": "processing", "percentage": str(int(share * 100))}
        done = {**common, "status": "finished", "percentage": "100"}
        folder = f"{self.base_url}/images/{order.task_id}"
        if model != "midjourney":
            return {**done, "image_url": f"{folder}/single.png"}
        return {
            **done,
            "original_image_url": f"{folder}/grid_0.png",
            "image_urls": [f"{folder}/0_{position}.png" for position in range(4)],
            "seed": "3847291056",
        }

    def _call_back(self, order: Accepted) -> None:
        remaining = order.accepted_at + self.seconds + 0.01 - time.monotonic()
        if self._closing.wait(max(0.0, remaining)):
            return
        request = urllib.request.Request(
            order.body["webhook_url"],
            data=json.dumps(self._shown(order)).encode(),
            headers={"Content-Type": "application/json"},
        )
        if order.body.get("webhook_secret"):
            request.add_header("x-webhook-secret", order.body["webhook_secret"])
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.webhook_answers.append(answer.status)
        except urllib.error.HTTPError as refused:
            refused.close()
            self.webhook_answers.append(refused.code)
        except OSError:
            self.webhook_answers.append(0)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    upstream: Upstream
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.headers.get("Authorization") != self.upstream.api_key:
            self._answer(401, {})
            return
        body = json.loads(raw)
        path = urlsplit(self.path).path
        if path == "/api/v1/imagine":
            self._imagine(body)
        elif path == "/api/v1/fetch":
            self._fetch(body)
        elif path == "/api/v1/fetch-many":
            self._fetch_many(body)
        else:
            self._answer(404, {})

    def do_GET(self) -> None:
        _, folder, task_id, name = [*self.path.split("/"), "", "", ""][:4]
        if folder != "images" or self.upstream.task(task_id) is None:
            self._answer(404, {})
            return
        width, height = self.upstream.size
        scale = 2 if name.startswith("grid") else 1
        image = png(width * scale, height * scale, shade=zlib.crc32(self.path.encode()))
        self._send(200, image, "image/png")

    def _imagine(self, body: dict[str, Any]) -> None:
        if not body.get("prompt"):
            self._answer(400, {"errors": [{"msg": "prompt is required"}]})
            return
        self._answer(200, {"task_id": self.upstream.take(body)})

    def _fetch(self, body: dict[str, Any]) -> None:
        task = self.upstream.task(body.get("task_id", ""))
        if task is None:
            self._answer(400, {"errors": [{"msg": "task_id not found"}]})
            return
        self._answer(200, task)

    def _fetch_many(self, body: dict[str, Any]) -> None:
        task_ids = body.get("task_ids", [])
        if not 2 <= len(task_ids) <= 20:
            self._answer(400, {"errors": [{"msg": "task_ids must contain 2-20 IDs"}]})
            return
        tasks = [self.upstream.task(task_id) for task_id in task_ids]
        self._answer(200, {"tasks": [task for task in tasks if task]})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, content: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output to the tests."""


def png(width: int, height: int, *, shade: int = 0) -> bytes:
    """A smooth picture, a different one for each shade."""
    red, green, blue = shade & 255, shade >> 8 & 255, shade >> 16 & 255
    rows = b"".join(
        b"\0"
        + bytes(
            channel
            for x in range(width)
            for channel in (
                (red + 255 * x // width) // 2,
                (green + 255 * y // height) // 2,
                (blue + 255 * (x + y) // (width + height)) // 2,
            )
        )
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
