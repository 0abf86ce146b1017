"""The sandbox on a real port, in a process's thread, and one in a process of its own to kill."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from generations.sandbox.app import make_app

API_KEY = "a key for tests"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Caller:
    """Talks to a sandbox the way any program would."""

    base_url: str
    api_key: str = API_KEY

    def post(self, path: str, body: object, *, seconds: float = 10) -> Reply:
        return self._call(path, json.dumps(body).encode(), seconds)

    def get(self, path: str) -> Reply:
        return self._call(path, None, 10)

    def order(self, prompt: str, *, seconds: float = 10, **fields: Any) -> Reply:
        return self.post("/api/v1/imagine", {"prompt": prompt, **fields}, seconds=seconds)

    def finished(self, task_id: str) -> dict[str, Any]:
        """The task once it has ended."""
        task: dict[str, Any] = {}
        for _ in range(500):
            task = self.post("/api/v1/fetch", {"task_id": task_id}).json
            if task["status"] in {"finished", "failed"}:
                return task
            time.sleep(0.02)
        raise AssertionError(f"never ended: {task}")

    def stats(self, *, contains: str = "") -> dict[str, Any]:
        stats: dict[str, Any] = self.get(f"/_sandbox/stats?contains={contains}").json
        return stats

    def _call(self, path: str, content: bytes | None, seconds: float) -> Reply:
        url = path if path.startswith("http") else self.base_url + path
        request = urllib.request.Request(url, data=content)
        request.add_header("Authorization", self.api_key)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return Reply(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, dict(refused.headers), refused.read())


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Caller]:
    """Twenty times as fast as usual, in a thread of this process."""
    app = make_app(tmp_path / "sandbox.db", api_key=API_KEY, speed=20)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started)
        yield Caller(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = True
        thread.join()


@dataclass
class Listener:
    """Where callbacks go: what came, in order, each as (secret, body). `status` is its answer."""

    url: str
    status: int = 204
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def wait(self, count: int) -> list[dict[str, Any]]:
        until(lambda: len(self.heard) >= count)
        return [body for _, body in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.heard.append((self.headers.get("x-webhook-secret", ""), json.loads(body)))
            self.send_response(heard.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Keep the tests' output to the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Listener(f"http://127.0.0.1:{server.server_address[1]}/webhook")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
