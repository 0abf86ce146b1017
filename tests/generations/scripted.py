"""A provider that answers whatever a test wrote for it, over real sockets, odd answers included."""

import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

IMAGINE, FETCH, FETCH_MANY = "/api/v1/imagine", "/api/v1/fetch", "/api/v1/fetch-many"


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass(frozen=True, slots=True)
class Reply:
    """`is_cut` hangs up before the last byte that Content-Length promises."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


class Reset:
    """Take the request, then break the connection without a word."""


Answer = Reply | Reset | Callable[[Request], "Reply | Reset"]
RESET = Reset()


def says(body: object, *, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **named})


def errs(status: int, message: str = "", **headers: str) -> Reply:
    return says({"errors": [{"msg": message}]} if message else {}, status=status, **headers)


def file(content: bytes, media_type: str = "image/png", **more: Any) -> Reply:
    return Reply(200, content, {"Content-Type": media_type}, **more)


class Scripted:
    """`with Scripted() as server`: each path gives its answers in turn, the last one for ever."""

    def __init__(self) -> None:
        self.api_key = "japi_live_scripted"
        self.requests: list[Request] = []
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._lock = threading.Lock()

    def on(self, path: str, *answers: Answer) -> None:
        with self._lock:
            self._answers[path] = list(answers)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def finished(self, task_id: str, *, panels: Sequence[str] = (), sheet: str = "") -> Reply:
        """A finished task of four panels, or of one image when one path is given."""
        task: dict[str, object] = {"task_id": task_id, "status": "finished", "percentage": "100"}
        urls = [path if "://" in path else self.base_url + path for path in panels]
        task |= {"image_url": urls[0]} if len(urls) == 1 else {"image_urls": urls}
        if sheet:
            task["original_image_url"] = self.base_url + sheet
        return says(task)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next_answer(self, request: Request) -> Reply | Reset:
        with self._lock:
            self.requests.append(request)
            waiting = self._answers.get(request.path) or [errs(404, "nothing here")]
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return answer(request) if callable(answer) else answer

    def __enter__(self) -> "Scripted":
        handler = type("Handler", (_Handler,), {"scripted": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    scripted: Scripted
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def do_GET(self) -> None:
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.scripted.next_answer(Request(self.path, headers, body))
        if isinstance(reply, Reset):
            self._break_off()
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) + reply.is_cut))
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.is_cut:
            self._break_off()

    def _break_off(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output to the tests."""

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.rfile.close()
