"""Acts on threads: the urgent ones first, each with its own result."""

import asyncio
import threading

import pytest

from imagestudio.lib.lanes import Lanes
from tests.lib.peers import in_loop


@in_loop
async def test_an_urgent_act_goes_ahead_of_all_that_wait() -> None:
    lanes, done, gate = Lanes(1, name="test"), list[str](), threading.Event()
    running = asyncio.ensure_future(lanes.run(gate.wait))
    waiting = [asyncio.ensure_future(lanes.run(lambda n=n: done.append(f"{n}"))) for n in range(3)]  # type: ignore[misc]
    await asyncio.sleep(0)
    urgent = asyncio.ensure_future(lanes.run(lambda: done.append("urgent"), is_urgent=True))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(running, urgent, *waiting)
    lanes.close()
    assert done == ["urgent", "0", "1", "2"]


@in_loop
async def test_an_exception_reaches_the_one_who_waits_and_the_thread_lives() -> None:
    lanes = Lanes(1, name="test")
    with pytest.raises(ZeroDivisionError):
        await lanes.run(lambda: 1 // 0)
    assert await lanes.run(lambda: 7) == 7
    lanes.close()


@in_loop
async def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    lanes, done, gate = Lanes(1, name="test"), list[str](), threading.Event()
    running = asyncio.ensure_future(lanes.run(gate.wait))
    given_up = asyncio.ensure_future(lanes.run(lambda: done.append("given up")))
    await asyncio.sleep(0)
    given_up.cancel()
    gate.set()
    await running
    await lanes.run(lambda: done.append("last"))
    lanes.close()
    assert done == ["last"]


@in_loop
async def test_closing_drops_what_has_not_begun() -> None:
    lanes, done, gate = Lanes(1, name="test"), list[str](), threading.Event()
    running = asyncio.ensure_future(lanes.run(gate.wait))
    dropped = asyncio.ensure_future(lanes.run(lambda: done.append("dropped")))
    await asyncio.sleep(0.01)
    threading.Timer(0.05, gate.set).start()
    await asyncio.to_thread(lanes.close)
    await running
    dropped.cancel()
    assert done == []
