"""A process dies at each named place, once; nothing is lost, charged twice or ordered twice."""

import time
from collections import Counter

import pytest

from tests.faults.conftest import LEASE_SECONDS, UNKNOWN_SECONDS
from tests.processes.desk import Desk, Seen, Wish, all_settled, upstream
from tests.processes.visitor import Visitor
from tests.spawning import wait_until
from tests.studio import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
SETTLED_SECONDS = 60
# What a worker does to a row, in order; the picture is large enough to come in several pieces.
WORKER_POINTS = [
    "claimed",
    "dispatch.intended",
    "dispatch.sent",
    "dispatch.waiting",
    "dispatch.answered",
    "receive.fetched",
    "download.chunk",
    "collect.downloaded",
    "collect.stored",
    "collect.recorded",
    "settle.inside",
    "settle.done",
]
TAGS = ["", "[no-webhook]", "[post:2]", "[post:2] [no-webhook]"]


@pytest.mark.parametrize("count", [1, 3], ids=["first", "third"])
@pytest.mark.parametrize("point", WORKER_POINTS)
def test_the_worker_dies_and_another_goes_on(studio: Studio, desk: Desk, point: str, count: int):
    mark = f"{point} {count};"
    set_trap(studio, f"{point}:{count}")

    ids = desk.place([Wish(prompt=f"{mark} {n} a boat [512px] {tag}") for n, tag in numbered()])
    wait_until(lambda: is_sprung(studio), seconds=60)
    died_at = time.time()

    seen = settled(desk, ids, died_at=died_at)
    assert [one for one in seen if not is_just(one)] == []
    assert_ordered_once(studio, mark)
    assert desk.faults() == "No faults."


@pytest.mark.parametrize("point", ["submit.held", "submit.committed"])
def test_the_web_dies_inside_a_submit_and_the_form_is_sent_again(
    studio: Studio, desk: Desk, point: str
):
    mark = f"{point};"
    with Visitor(studio) as visitor:
        form = visitor.form(model="flux-schnell")
        order = form | {"prompt": f"{mark} 0 a boat [512px]", "model": "flux-schnell"}
        set_trap(studio, point)
        assert visitor.submits(order) is None
        assert is_sprung(studio)
        died_at = time.time()
        wait_until(studio.is_ready, seconds=60)
        # What a person does who sees the browser's error page.
        assert visitor.submits(order) == 302

    ids = [one.id for one in desk.look() if one.prompt.startswith(mark)]
    assert len(ids) == 1
    assert settled(desk, ids, died_at=died_at)[0].status == "SUCCEEDED"
    assert_ordered_once(studio, mark)
    assert desk.faults() == "No faults."


def test_the_web_dies_between_storing_a_callback_and_answering_it(studio: Studio, desk: Desk):
    mark = "webhook.recorded;"
    set_trap(studio, "webhook.recorded")

    ids = desk.place([Wish(prompt=f"{mark} {n} a boat [512px]") for n in range(4)])
    wait_until(lambda: is_sprung(studio), seconds=60)

    seen = settled(desk, ids, died_at=time.time())
    assert {one.status for one in seen} == {"SUCCEEDED"}
    assert_ordered_once(studio, mark)
    assert desk.faults() == "No faults."


def test_the_ticker_dies_between_looking_and_ringing(studio: Studio, desk: Desk):
    mark = "ticker.selected;"
    set_trap(studio, "ticker.selected")

    ids = desk.place([Wish(prompt=f"{mark} {n} a boat [512px]") for n in range(4)])
    wait_until(lambda: is_sprung(studio), seconds=60)

    seen = settled(desk, ids, died_at=time.time())
    assert {one.status for one in seen} == {"SUCCEEDED"}
    assert_ordered_once(studio, mark)
    assert desk.faults() == "No faults."


def numbered() -> list[tuple[int, str]]:
    return list(enumerate(TAGS))


def set_trap(studio: Studio, point: str) -> None:
    (studio.var / "killpoint").write_text(point, encoding="utf-8")


def is_sprung(studio: Studio) -> bool:
    return not (studio.var / "killpoint").exists()


def settled(desk: Desk, ids: list[str], *, died_at: float) -> list[Seen]:
    """In time, where an outcome that is being checked counts as settled until its deadline."""
    until = died_at + LEASE_SECONDS + SETTLED_SECONDS
    seen = desk.look_until(
        lambda rows: all(not row.is_open or row.status == "CHECKING" for row in rows),
        seconds=until - time.time(),
        ids=ids,
    )
    assert [row for row in seen if row.is_open and row.status != "CHECKING"] == []
    seen = desk.look_until(all_settled, seconds=UNKNOWN_SECONDS + 10, ids=ids)
    assert [row for row in seen if row.is_open] == []
    return seen


def is_just(one: Seen) -> bool:
    """An image for its price; or an answer that was lost for good, and nothing charged."""
    if one.status == "SUCCEEDED":
        return one.images == 1 and one.captured == (0 if one.is_free else 1)
    return (one.status, one.error, one.captured) == ("FAILED", "outcome_unknown", 0)


def assert_ordered_once(studio: Studio, mark: str) -> None:
    prompts = Counter(order["prompt"] for order in upstream(studio, "orders", contains=mark))
    assert [prompt for prompt, times in prompts.items() if times > 1] == []
