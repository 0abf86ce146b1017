"""Sixteen callers order from one wallet at once; exactly what it can pay for is accepted."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests import servers
from tests.processes.desk import Desk, all_settled
from tests.processes.visitor import Visitor
from tests.studio import CHECKOUT, Studio

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3000)]
CALLERS = 16
SUBMITS = 10_000
CREDITS = 1_000
SUBMITS_BY_FORM = 2_000
CREDITS_FOR_FORMS = 200


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    server: servers.Postgres = request.getfixturevalue("postgres_server")
    return {"DATABASE_URL": server.new_database("submit_race")}


@pytest.fixture
def prepared(database: dict[str, str]) -> Iterator[Studio]:
    """A database with one person in it, and no process beside the callers."""
    studio = Studio(env={"WELCOME_CREDITS": str(CREDITS), **database})
    with studio:
        studio.stop()
        yield studio


def test_ten_thousand_submits_never_exceed_a_thousand_credits(prepared: Studio):
    outcomes, milliseconds, seconds = _race(prepared)

    name = "PostgreSQL" if "DATABASE_URL" in prepared.env else "SQLite"
    print(f"\n{name}: {dict(outcomes)} in {seconds:.1f} s; {_percentiles(milliseconds)}")
    assert outcomes == {"accepted": CREDITS, "InsufficientCredits": SUBMITS - CREDITS}
    assert prepared.manage("reconcile").returncode == 0
    assert prepared.manage("invariants").stdout.strip() == "No faults."
    now = prepared.ask("credits", "balance", prepared.login[0])
    assert now == {"balance": CREDITS, "held": CREDITS, "available": 0}
    with Desk(prepared) as desk:
        seen = desk.look()
    assert [one.status for one in seen] == ["QUEUED"] * CREDITS
    assert len({one.prompt for one in seen}) == CREDITS


def test_two_thousand_forms_never_exceed_two_hundred_credits(database: dict[str, str]):
    with Studio(env={"WELCOME_CREDITS": str(CREDITS_FOR_FORMS), **database}) as studio:
        begun = time.monotonic()
        with Visitor(studio) as visitor, ThreadPoolExecutor(CALLERS) as callers:
            share = SUBMITS_BY_FORM // CALLERS
            windows = [visitor.window() for _ in range(CALLERS)]
            answers = list(callers.map(_press, windows, range(CALLERS), [share] * CALLERS))
        seconds = time.monotonic() - begun
        statuses = Counter(status for part in answers for status, _ in part)
        milliseconds = [ms for part in answers for _, ms in part]
        name = "PostgreSQL" if "DATABASE_URL" in studio.env else "SQLite"
        print(f"\n{name}: {dict(statuses)} in {seconds:.1f} s; {_percentiles(milliseconds)}")

        assert statuses == {302: CREDITS_FOR_FORMS, 402: SUBMITS_BY_FORM - CREDITS_FOR_FORMS}
        with Desk(studio) as desk:
            seen = desk.look_until(all_settled, seconds=300)
            assert [one.status for one in seen] == ["SUCCEEDED"] * CREDITS_FOR_FORMS
            assert desk.command("reconcile").startswith("No faults")
            assert desk.faults() == "No faults."


def _press(window: Visitor, place: int, count: int) -> list[tuple[int, float]]:
    """Fill in the form again and again, each time with the token of the page that came last."""
    done = []
    fields = window.form(model="flux-schnell")
    for number in range(count):
        prompt = {"prompt": f"press {place} {number} [64px]", "model": "flux-schnell"}
        begun = time.perf_counter()
        answer = window.submit(fields | prompt)
        done.append((answer.status_code, (time.perf_counter() - begun) * 1000))
        # A refusal brings the bar back with a token of its own; a success leads to the page.
        if answer.status_code == 402:
            fields = window.fields_of(answer)
        else:
            fields = window.form(model="flux-schnell")
    window.close()
    return done


def _race(studio: Studio) -> tuple[Counter[str], list[float], float]:
    share = SUBMITS // CALLERS
    clients = [_client(studio, first=place * share, count=share) for place in range(CALLERS)]
    try:
        for client in clients:
            assert _pipe(client.stdout).readline().strip() == "ready"
        begun = time.monotonic()
        for client in clients:
            _pipe(client.stdin).write("go\n")
            _pipe(client.stdin).flush()
        outcomes: Counter[str] = Counter()
        milliseconds: list[float] = []
        for answer in _answers(clients):
            outcomes.update(answer["outcomes"])
            milliseconds += answer["milliseconds"]
        return outcomes, milliseconds, time.monotonic() - begun
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def _answers(clients: Sequence["subprocess.Popen[str]"]) -> list[Any]:
    """Read side by side: a client that has much to say must not wait for another."""
    found: list[Any] = []
    readers = [
        threading.Thread(target=lambda c=c: found.append(json.loads(_pipe(c.stdout).readline())))
        for c in clients
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return found


def _client(studio: Studio, *, first: int, count: int) -> "subprocess.Popen[str]":
    words = [studio.login[0], str(first), str(count)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.proof.submit_client", *words],
        cwd=CHECKOUT, env=studio.env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def _percentiles(milliseconds: Sequence[float]) -> str:
    inorder = sorted(milliseconds)
    p50, p99 = inorder[len(inorder) // 2], inorder[len(inorder) * 99 // 100]
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {inorder[-1]:.1f} ms"


def _pipe(end: Any) -> Any:
    assert end is not None
    return end
