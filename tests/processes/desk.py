"""A place to order at and look from, beside a running studio, and the upstream's own counters."""

import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.studio import CHECKOUT, Studio

LOOK_SECONDS = 0.5
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One order to place."""

    prompt: str
    model: str = "flux-schnell"
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One generation as its owner sees it. `orders`: attempts that may have been taken."""

    id: str
    prompt: str
    status: str
    word: str
    money: str
    error: str
    images: int
    sheets: int
    price: int
    captured: int
    is_open: bool
    is_free: bool
    settled_at: float
    orders: int


class Desk:
    """`with Desk(studio) as desk`: one process that stays, so that looking costs milliseconds."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def __enter__(self) -> "Desk":
        # Whatever the studio's own processes are to die of, this one is not.
        env = {name: value for name, value in self.studio.env.items() if name != "KILLPOINT"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.inside"], cwd=CHECKOUT, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def place(self, wishes: Sequence[Wish]) -> list[str]:
        """Order as the first login; the public ids."""
        asked = [{"prompt": w.prompt, "model": w.model, "provider": w.provider} for w in wishes]
        placed: list[str] = self.ask("place", email=self.studio.login[0], wishes=asked)
        return placed

    def look(self, ids: Sequence[str] = ()) -> list[Seen]:
        return [Seen(**facts) for facts in self.ask("look", ids=list(ids))]

    def look_until(
        self, reached: Callable[[Sequence[Seen]], bool], *, seconds: float, ids: Sequence[str] = ()
    ) -> list[Seen]:
        """The first look that fits, or the last one before time is up: the test judges it."""
        end = time.monotonic() + seconds
        while not reached(seen := self.look(ids)) and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        return seen

    def faults(self) -> str:
        """What `invariants` says; "No faults." when there are none."""
        return self.command("invariants")

    def command(self, *words: str) -> str:
        """What a management command says, without a process of its own to start."""
        said: str = self.ask("command", words=list(words))
        return said

    def ask(self, act: str, **words: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"act": act, **words}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def all_settled(seen: Sequence[Seen]) -> bool:
    return not any(one.is_open for one in seen)


def upstream(studio: Studio, path: str = "stats", **query: str) -> Any:
    """What the sandbox says of itself: GET /_sandbox/<path>."""
    url = f"http://127.0.0.1:{studio.port + 10_000}/_sandbox/{path}"
    request = urllib.request.Request(f"{url}?{urllib.parse.urlencode(query)}")
    request.add_header("Authorization", sandbox_key(studio))
    with _direct.open(request, timeout=30) as answer:
        return json.loads(answer.read())


def sandbox_key(studio: Studio) -> str:
    secrets: Mapping[str, str] = json.loads(
        (studio.var / "secrets.json").read_text(encoding="utf-8")
    )
    return secrets["SANDBOX_API_KEY"]


def environment(**ours: str) -> dict[str, str]:
    """Settings of a studio for tests, which has credits enough."""
    return {"WELCOME_CREDITS": "100000", **ours}
