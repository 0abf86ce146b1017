"""Redis is a bell and no more: without it pages answer, and images come all the same."""

import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
import redis

from tests.processes.desk import Desk, Wish, all_settled, environment
from tests.processes.visitor import Visitor
from tests.studio import Studio

pytestmark = pytest.mark.processes
ANSWER_SECONDS = 2.0
PROMPT = "a boat on a lake [128px]"


@pytest.fixture(params=["nobody-there", "never-answers"])
def without_redis(request: pytest.FixtureRequest) -> Iterator[Studio]:
    """A cold start with no Redis: its socket is not there, or somebody mute listens on it."""
    with tempfile.TemporaryDirectory(prefix="is-mute-") as folder:
        path = Path(folder) / "redis.sock"
        listening = mute(path) if request.param == "never-answers" else nullcontext()
        with listening, Studio(env=environment(REDIS_URL=f"unix://{path}")) as studio:
            assert "valkey" not in studio.pids()
            yield studio
            studio.stop()
            assert "killed" not in studio.output()


def test_a_submit_is_answered_in_time_and_the_images_come(without_redis: Studio):
    with Visitor(without_redis) as visitor, Desk(without_redis) as desk:
        form = visitor.form(model="flux-schnell")
        # Four at once: a bell for each would wait four times for nobody.
        order = form | {"prompt": PROMPT, "model": "flux-schnell", "count": "4", "price": "4"}
        begun = time.monotonic()
        answer = visitor.submit(order)
        seconds = time.monotonic() - begun

        assert answer.status_code == 302
        assert seconds < ANSWER_SECONDS
        seen = desk.look_until(lambda s: len(s) == 4 and all_settled(s), seconds=60)
        assert [(one.status, one.images, one.captured) for one in seen] == [("SUCCEEDED", 1, 1)] * 4
        assert desk.faults() == "No faults."


def test_redis_emptied_and_killed_in_the_middle_loses_nothing(on_files: Studio, desk: Desk):
    bell = on_files.var / "valkey" / "valkey.sock"
    ids = desk.place([Wish(prompt=PROMPT, provider="sandbox")] * 3)
    with redis.Redis(unix_socket_path=str(bell)) as connection:
        connection.flushall()
    ids += desk.place([Wish(prompt=PROMPT, provider="sandbox")] * 3)

    gone = on_files.kill("valkey", by=signal.SIGKILL)
    ids += desk.place([Wish(prompt=PROMPT, provider="sandbox")] * 3)
    on_files.wait_for_another("valkey", than=gone)
    ids += desk.place([Wish(prompt=PROMPT, provider="sandbox")] * 3)

    seen = desk.look_until(all_settled, seconds=60, ids=ids)
    assert [(one.status, one.images, one.captured) for one in seen] == [("SUCCEEDED", 1, 1)] * 12
    assert desk.faults() == "No faults."


@contextmanager
def mute(path: Path) -> Iterator[None]:
    """A server that takes every connection and never says a word."""
    taken: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(128)
        thread = threading.Thread(target=_take, args=(listening, taken))
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            path.unlink()
            for line in taken:
                line.close()


def _take(listening: socket.socket, taken: list[socket.socket]) -> None:
    with suppress(OSError):
        while True:
            taken.append(listening.accept()[0])
