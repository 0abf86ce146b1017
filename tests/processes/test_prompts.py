"""What each test prompt comes to, with and without a callback, on the real processes.

All rows are ordered at once in one studio, which gives up on an unknown outcome after ten
seconds; each row is judged by its own test, and at the end all of them together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from tests.processes.desk import Desk, Seen, Wish, environment, sandbox_key, upstream
from tests.studio import Studio

pytestmark = pytest.mark.processes
UNKNOWN_SECONDS = 10
PATIENCE_SECONDS = 110
SILENT = "[no-webhook]"
# Finished at once and called back late: after we have given up on the answer, and not before.
LATE = "[instant] [webhook-late:16]"


@dataclass(frozen=True, slots=True)
class Row:
    """What is written, and what must come of it. `accepted` is the upstream's own count."""

    tags: str
    status: str
    word: str
    images: int
    captured: int
    accepted: int
    error: str = ""
    model: str = "flux-schnell"
    is_free: bool = False
    is_open: bool = False
    # A refusal that quietens the whole account happens at one of its own.
    is_apart: bool = False


def ready(tags: str = "", *, images: int = 1, model: str = "flux-schnell") -> Row:
    return Row(tags, "SUCCEEDED", "Ready", images, images, 1, model=model)


def returned(tags: str, error: str, *, accepted: int = 1, model: str = "flux-schnell") -> Row:
    return Row(tags, "FAILED", "Returned", 0, 0, accepted, error, model=model)


def free(tags: str) -> Row:
    return replace(ready(tags), captured=0, is_free=True, error="outcome_unknown")


def both(row: Row) -> list[Row]:
    """The same comes of it when nobody calls back: polling finds it."""
    return [row, replace(row, tags=f"{row.tags} {SILENT}".strip())]


LOST_ANSWERS = ("[accept-then-hang]", "[accept-then-reset]", "[500-after-accept]")
TABLE = [
    *both(ready()),
    *both(ready(images=4, model="midjourney")),
    *both(ready("[post:3]")),
    *both(ready("[slow:8]")),
    *both(ready("[instant]")),
    *both(ready("[flaky-image]")),
    *both(returned("[content-filter]", "content_filter")),
    *both(returned("[provider-failed]", "provider_failed")),
    *both(returned("[cut]", "images_lost")),
    *both(returned("[html]", "images_lost")),
    *both(returned("[truncated]", "images_lost")),
    *both(Row("[partial:1]", "SUCCEEDED", "Ready", 3, 3, 1, model="midjourney")),
    *both(returned("[partial:4]", "images_lost", model="midjourney")),
    # Still rendering when everything else is over; its credits stay held.
    *both(Row("[stuck]", "RUNNING", "Slow", 0, 0, 1, is_open=True)),
    # The answer is lost: a callback brings it back, silence gives the credits back, and what
    # comes after that is free.
    *(ready(tag) for tag in LOST_ANSWERS),
    *(returned(f"{tag} {SILENT}", "outcome_unknown") for tag in LOST_ANSWERS),
    *(free(f"{tag} {LATE}") for tag in LOST_ANSWERS),
    ready("[webhook-early]"),
    ready("[webhook-twice]"),
    ready("[webhook-late:10]"),
    ready("[wrong-secret]"),
    ready("[wrong-task]"),
    returned("[refused]", "invalid", accepted=0),
    replace(returned("[402]", "unavailable", accepted=0), is_apart=True),
    replace(ready("[429:1]"), is_apart=True),
    replace(ready("[503:2]"), is_apart=True),
    Row("[429]", "QUEUED", "Waiting", 0, 0, 0, is_open=True, is_apart=True),
]
NAMES = [f"{row.model} {row.tags or 'plain'}" for row in TABLE]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How all rows stood in the end, and how often the upstream accepted each."""

    seen: Sequence[Seen]
    accepted: Sequence[int]
    ledger: Mapping[str, int]
    parked: Mapping[str, int]
    faults: str


@pytest.fixture(scope="module")
def running() -> Iterator[Studio]:
    with Studio(env=environment(UNKNOWN_SECONDS=str(UNKNOWN_SECONDS))) as studio:
        yield studio


@pytest.fixture(scope="module")
def outcome(running: Studio) -> Outcome:
    """Order every row at once, and look until each is as it must be, or time is up."""
    with Desk(running) as desk:
        for place, row in enumerate(TABLE):
            if row.is_apart:
                _add_account(desk, f"apart-{place}")
        ids = desk.place([_wish(place, row) for place, row in enumerate(TABLE)])
        desk.look_until(_all_as_they_must, seconds=PATIENCE_SECONDS, ids=ids)
        # A second look: what has ended stays ended.
        seen = desk.look(ids)
        accepted = [_accepted(running, place) for place in range(len(TABLE))]
        ledger, parked = desk.ask("ledger"), desk.ask("parked")
        return Outcome(seen, accepted, ledger, parked, desk.faults())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("place", range(len(TABLE)), ids=NAMES)
def test_a_prompt_comes_to_what_the_table_says(outcome: Outcome, place: int):
    row, seen = TABLE[place], outcome.seen[place]

    assert (seen.status, seen.word, seen.error) == (row.status, row.word, row.error)
    assert (seen.images, seen.captured, seen.is_free) == (row.images, row.captured, row.is_free)
    assert seen.money == _money(row, seen.price)
    assert outcome.accepted[place] == row.accepted
    assert seen.orders == row.accepted


def test_the_ledger_sums_to_what_the_table_says(outcome: Outcome):
    ledger = outcome.ledger

    assert ledger["captured"] == sum(row.captured for row in TABLE)
    assert ledger["entries"] == sum(row.captured > 0 for row in TABLE)
    assert ledger["most_for_one_hold"] == 1
    assert ledger["held"] == sum(
        seen.price for row, seen in zip(TABLE, outcome.seen, strict=True) if row.is_open
    )


def test_callbacks_that_prove_nothing_are_parked(outcome: Outcome):
    assert outcome.parked["wrong_secret"] >= 1
    assert outcome.parked["other_order"] >= 1


def test_nothing_was_accepted_twice(running: Studio, outcome: Outcome):
    orders = upstream(running, "orders")

    assert len(orders) == sum(row.accepted for row in TABLE)
    assert len({order["prompt"] for order in orders}) == len(orders)


def test_every_invariant_holds_afterwards(outcome: Outcome):
    assert outcome.faults == "No faults."


def _accepted(studio: Studio, place: int) -> int:
    return int(upstream(studio, contains=_mark(place))["matching"])


def _wish(place: int, row: Row) -> Wish:
    return Wish(
        prompt=f"{_mark(place)} a boat on a lake [128px] {row.tags}".strip(),
        model=row.model,
        provider=f"apart-{place}" if row.is_apart else "sandbox",
    )


def _mark(place: int) -> str:
    return f"row {place};"


def _add_account(desk: Desk, name: str) -> None:
    url = f"http://127.0.0.1:{desk.studio.port + 10_000}"
    key = sandbox_key(desk.studio)
    said = desk.command(
        "provider", "add", name, "--protocol=journeyapi", f"--base-url={url}", f"--api-key={key}"
    )
    assert said.startswith(f"Added {name}"), said


def _all_as_they_must(seen: Sequence[Seen]) -> bool:
    return all(
        (one.status, one.word, one.is_free) == (row.status, row.word, row.is_free)
        for row, one in zip(TABLE, seen, strict=True)
    )


def _money(row: Row, price: int) -> str:
    if row.is_open:
        return f"{price} held"
    if row.is_free:
        return "free"
    if row.status == "FAILED":
        return f"{_credits(price)} returned"
    if row.captured < price:
        return f"{_credits(row.captured)}, {price - row.captured} returned"
    return _credits(price)


def _credits(number: int) -> str:
    return "1 credit" if number == 1 else f"{number} credits"
