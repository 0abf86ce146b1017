"""A thousand orders whose answers take 20 seconds are all in flight at once in one worker."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import servers
from tests.processes.desk import Desk, Wish, all_settled, environment, sandbox_key, upstream
from tests.studio import Studio

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]
ORDERS = 1_000
RSS_BYTES_MAX = 512 * 1024**2
# The picture takes longer than the answer, as it does where answers take that long.
TAGS = "[post:20] [slow:45] [64px]"
SETTLED_SECONDS = 900
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Gauge:
    """What the worker and all its descendants take. Resident bytes, the greatest sum seen."""

    pid: int
    rss_bytes_max: int = 0

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(0.2):
            self.rss_bytes_max = max(self.rss_bytes_max, sum(map(rss_bytes, tree(self.pid))))


@pytest.fixture(params=["sqlite", "postgres"])
def studio(request: pytest.FixtureRequest) -> Iterator[Studio]:
    ours = environment()
    if request.param == "postgres":
        server: servers.Postgres = request.getfixturevalue("postgres_server")
        ours["DATABASE_URL"] = server.new_database("in_flight")
    with Studio(env=ours) as product, Desk(product) as desk:
        url = f"http://127.0.0.1:{product.port + 10_000}"
        key = sandbox_key(product)
        said = desk.command(
            "provider", "add", "wide", "--protocol=journeyapi", f"--base-url={url}",
            f"--api-key={key}", f"--concurrency={ORDERS + 200}",
        )  # fmt: skip
        assert said.startswith("Added wide"), said
        yield product


def test_a_thousand_orders_are_in_flight_at_once(studio: Studio):
    worker = studio.pids()["worker"]
    with Desk(studio) as desk, gauge(worker) as measured:
        # All are waiting before the first is sent, or the first would be back before the last.
        os.kill(worker, signal.SIGSTOP)
        desk.place([Wish(prompt=f"flight {n} {TAGS}", provider="wide") for n in range(ORDERS)])
        os.kill(worker, signal.SIGCONT)
        begun, cpu_before = time.monotonic(), cpu_seconds(worker)
        while desk.ask("count_open") and time.monotonic() < begun + SETTLED_SECONDS:
            time.sleep(1)
        seconds, cpu = time.monotonic() - begun, cpu_seconds(worker) - cpu_before
        seen = desk.look()
        faults = desk.faults()

    stats = upstream(studio)
    name = "PostgreSQL" if "DATABASE_URL" in studio.env else "SQLite"
    print(
        f"\n{name}: {stats['in_flight_max']} in flight at once; all settled after {seconds:.0f} s; "
        f"worker's tree at most {measured.rss_bytes_max / 1024**2:.0f} MiB RSS, {cpu:.1f} s CPU"
    )
    assert studio.pids()["worker"] == worker
    assert stats["in_flight_max"] == ORDERS
    assert stats["accepted"] == ORDERS
    assert all_settled(seen)
    assert Counter((one.status, one.images, one.captured) for one in seen) == {
        ("SUCCEEDED", 1, 1): ORDERS
    }
    assert faults == "No faults."
    assert measured.rss_bytes_max < RSS_BYTES_MAX


@contextmanager
def gauge(pid: int) -> Iterator[Gauge]:
    stop, measured = threading.Event(), Gauge(pid)
    thread = threading.Thread(target=measured.run, args=(stop,))
    thread.start()
    try:
        yield measured
    finally:
        stop.set()
        thread.join()


def tree(root: int) -> list[int]:
    """The process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        if fields := _stat(int(entry.parent.name)):
            parents[int(entry.parent.name)] = int(fields[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def rss_bytes(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def cpu_seconds(root: int) -> float:
    """Of the whole tree, with those that have ended and been waited for."""
    stats = [fields for pid in tree(root) if (fields := _stat(pid))]
    return sum(int(ticks) for fields in stats for ticks in fields[11:15]) / TICKS


def _stat(pid: int) -> list[str]:
    """The fields behind the name in /proc/PID/stat, from the state on; none when it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
