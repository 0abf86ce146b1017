"""Worker, web, ticker and Redis die at random while two hundred generations are under way."""

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.faults.conftest import LEASE_SECONDS, UNKNOWN_SECONDS
from tests.faults.test_named_points import is_just
from tests.processes.desk import Desk, Seen, Wish, all_settled, upstream
from tests.processes.visitor import Visitor
from tests.spawning import wait_until
from tests.studio import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
VICTIMS = ("worker", "web", "ticker", "valkey")
BY_DOOR = 100
KILLING_SECONDS = 45.0
PAUSE_SECONDS = (0.5, 2.5)
SETTLED_SECONDS = 60
TAGS = ("", "", "", "[no-webhook]", "[post:2]", "[webhook-twice]")


@dataclass
class Killer:
    """Kills one of the four every now and then, until it is told to stop."""

    studio: Studio
    dice: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    last_at: float = 0.0

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(self.dice.uniform(*PAUSE_SECONDS)):
            name = self.dice.choice(VICTIMS)
            try:
                self.studio.kill(name)
            except (KeyError, ProcessLookupError):
                continue  # it is dead already and not yet back
            self.killed[name] += 1
            self.last_at = time.time()


def test_nothing_is_lost_charged_twice_or_ordered_twice(studio: Studio, desk: Desk):
    seed = secrets.randbelow(10**6)
    print(f"\nseed {seed}")
    dice = random.Random(seed)
    tags = [dice.choice(TAGS) for _ in range(2 * BY_DOOR)]
    prompts = [f"shot {seed} {n}; a boat [512px] {tag}".strip() for n, tag in enumerate(tags)]

    with Visitor(studio) as visitor, killing(studio, dice) as killer:
        end = time.monotonic() + KILLING_SECONDS
        desk.place([Wish(prompt=prompt) for prompt in prompts[:BY_DOOR]])
        for prompt in prompts[BY_DOOR:]:
            submit_at_last(studio, visitor, prompt)
        while time.monotonic() < end and any(one.is_open for one in desk.look()):
            time.sleep(0.5)

    seen = settle(desk, killer.last_at)
    report(seen, killer)
    assert all(killer.killed[name] > 0 for name in VICTIMS)
    assert sorted(one.prompt for one in seen) == sorted(prompts)
    assert [one for one in seen if not is_just(one)] == []
    ordered = Counter(order["prompt"] for order in upstream(studio, "orders"))
    assert [prompt for prompt, times in ordered.items() if times > 1] == []
    assert desk.faults() == "No faults."
    ledger = desk.ask("ledger")
    assert ledger["captured"] == ledger["entries"] == sum(one.captured for one in seen)
    assert (ledger["most_for_one_hold"], ledger["held"]) == (1, 0)


@contextmanager
def killing(studio: Studio, dice: random.Random) -> Iterator[Killer]:
    stop, killer = threading.Event(), Killer(studio, dice)
    thread = threading.Thread(target=killer.run, args=(stop,))
    thread.start()
    try:
        yield killer
    finally:
        stop.set()
        thread.join()


def submit_at_last(studio: Studio, visitor: Visitor, prompt: str) -> None:
    """Send the form, and the same form again for as long as nobody answers."""
    form: dict[str, str] = {}

    def is_answered() -> bool:
        if not form:
            form.update(visitor.form_if_any(model="flux-schnell"))
        return bool(form) and visitor.submits(form | order) == 302

    order = {"prompt": prompt, "model": "flux-schnell"}
    wait_until(is_answered, seconds=90)


def settle(desk: Desk, last_kill_at: float) -> list[Seen]:
    """In time, where an outcome that is being checked counts as settled until its deadline."""
    until = last_kill_at + LEASE_SECONDS + SETTLED_SECONDS
    seen = desk.look_until(
        lambda rows: all(not row.is_open or row.status == "CHECKING" for row in rows),
        seconds=until - time.time(),
    )
    assert [row for row in seen if row.is_open and row.status != "CHECKING"] == []
    return desk.look_until(all_settled, seconds=UNKNOWN_SECONDS + 10)


def report(seen: list[Seen], killer: Killer) -> None:
    last = max(one.settled_at for one in seen) - killer.last_at
    print(
        f"killed {dict(killer.killed)}; {dict(Counter(one.status for one in seen))}, "
        f"{sum(one.is_free for one in seen)} free; all settled {last:.1f} s after the last kill"
    )
