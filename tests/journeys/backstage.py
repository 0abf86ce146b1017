"""What happens behind the pages, so that a journey finds the world it is about."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.studio import CHECKOUT, Studio


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    password: str
    cookie: str
    session: str


class Backstage:
    """`with Backstage(studio) as backstage`: one process that stays, so that asking is quick."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def __enter__(self) -> "Backstage":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.inside"], cwd=CHECKOUT, env=self.studio.env,
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)

    def person(self, *, credits: int = 20) -> Person:
        """Somebody new."""
        return Person(**self._ask("person", credits=credits))

    def order(
        self, person: Person, prompts: Sequence[str], *, model: str = "midjourney"
    ) -> list[str]:
        return list(self._ask("order", email=person.email, prompts=list(prompts), model=model))

    def orders(self, person: Person) -> int:
        """How many generations this person has, whatever became of them."""
        return int(self._ask("orders", email=person.email))

    def wait_for(self, person: Person, *, seconds: float = 60) -> None:
        """Until nothing of theirs is open any more."""
        deadline = time.monotonic() + seconds
        while self._ask("open_orders", email=person.email):
            assert time.monotonic() < deadline, f"still open after {seconds} s"
            time.sleep(0.2)

    def age(self, person: Person, *, seconds: int) -> None:
        assert self._ask("age", email=person.email, seconds=seconds) > 0

    def quiet(self, *, seconds: int) -> None:
        """No provider takes an order for so long; 0 ends it."""
        self._ask("quiet", seconds=seconds)

    def _ask(self, act: str, **values: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"act": act, **values}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
