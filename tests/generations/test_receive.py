"""What a provider reports, pushed or polled, becomes progress, a collection or an end."""

import asyncio
import json
import signal
import socket
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.viewer import Viewer
from generations import provider_accounts
from generations.invariants import faults
from generations.models import AttemptState, Generation, InboundEvent, ProviderAccount, Status
from generations.pipeline import receive, settle
from generations.pipeline.desk import Desk
from generations.pipeline.engine import Engine
from generations.pipeline.lifecycle import LeaseLost, claim
from generations.protocols.base import ProviderUpdate
from tests.generations import world
from tests.generations.driving import (
    at_desk,
    consider_events,
    crash,
    eventually,
    step,
    time_passes,
    work,
)
from tests.generations.scripted import (
    FETCH,
    FETCH_MANY,
    IMAGINE,
    RESET,
    Reply,
    Request,
    Scripted,
    errs,
    file,
    says,
)
from tests.upstream import Upstream, png


def task(status: str, task_id: str = "t1", **more: Any) -> dict[str, Any]:
    return {"task_id": task_id, "status": status, **more}


def call_back(request: Request, body: object) -> int:
    """The provider calls the address that came with the order."""
    order = request.json
    answer = Client().post(
        urlsplit(order["webhook_url"]).path,
        json.dumps(body),
        content_type="application/json",
        headers={"x-webhook-secret": order["webhook_secret"]},
    )
    world.close_connection()
    return answer.status_code


def hint(row: Generation, body: object) -> int:
    """A webhook for the row's newest attempt, with its own secret."""
    attempt = world.attempt_of(row)
    answer = Client().post(
        f"/webhooks/journeyapi/{provider_accounts.callback_token(attempt)}",
        json.dumps(body),
        content_type="application/json",
        headers={"x-webhook-secret": provider_accounts.callback_secret(attempt)},
    )
    return answer.status_code


# --- Polling alone -----------------------------------------------------------------------------


def test_progress_is_shown_and_never_falls(odd: ProviderAccount, scripted: Scripted, rich: Viewer):
    row = world.order(rich)
    scripted.on(IMAGINE, says({"task_id": "t1"}))
    reports = ["10", "55%", "40", "", "abc", 70.9, "100", None, "-5"]
    scripted.on(FETCH, *[says(task("processing", percentage=p)) for p in reports])
    step(row)

    seen = []
    for _ in reports:
        step(row)
        seen.append(world.fresh(row).percent)

    assert seen == [10, 55, 55, 55, 55, 70, 99, 99, 99]
    assert world.fresh(row).status == Status.RUNNING


@pytest.mark.parametrize(
    "answer",
    [
        errs(500), errs(401), errs(429, **{"Retry-After": "9"}), RESET, Reply(200, b"<html>"),
        errs(404, "task not found"), says({}), says([]), says(task("dreaming")),
        says(task("finished", "another")), Reply(200, b"[" * 10_000), says({"task_id": 5}),
    ],
)  # fmt: skip
def test_a_report_that_says_nothing_changes_nothing(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, answer: Reply
):
    row = world.under_way(rich, odd)
    scripted.on(FETCH, answer)

    step(row)

    found = world.fresh(row)
    assert (found.status, found.percent) == (Status.RUNNING, 0)
    assert found.due_at is not None
    assert found.due_at > timezone.now()
    assert world.sums(rich) == (100, 1)
    assert faults() == []


def test_a_provider_that_never_finishes_meets_the_deadline(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd, deadline_at=world.long_ago(seconds=1))
    scripted.on(FETCH, says(task("processing", world.attempt_of(row).remote_id)))

    step(row)

    found = world.fresh(row)
    assert (found.status, found.error_code) == (Status.FAILED, "deadline")
    assert world.sums(rich) == (100, 0)
    assert found.due_at is not None
    odd.refresh_from_db()
    assert odd.in_flight == 0
    assert faults() == []


def test_a_silent_provider_meets_the_deadline_too(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd, deadline_at=world.long_ago(seconds=1))
    scripted.on(FETCH, errs(500))

    step(row)

    assert world.fresh(row).error_code == "deadline"
    assert world.sums(rich) == (100, 0)
    assert faults() == []


@pytest.mark.parametrize(
    ("words", "code"),
    [("content policy violation", "content_filter"), ("out of GPUs", "provider_failed")],
)
def test_a_failure_says_why_and_gives_the_hold_back(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, words: str, code: str
):
    row = world.under_way(rich, odd)
    scripted.on(FETCH, says(task("failed", world.attempt_of(row).remote_id, error=words)))

    work(row)

    found = world.fresh(row)
    assert (found.error_code, found.error_reason) == (code, words)
    assert world.sums(rich) == (100, 0)
    assert found.due_at is None
    assert scripted.asked(IMAGINE) == []
    assert faults() == []


def test_orders_under_way_are_asked_about_together(odd: ProviderAccount, scripted: Scripted):
    scripted.on(
        FETCH_MANY,
        lambda request: says({"tasks": [task("processing", i) for i in request.json["task_ids"]]}),
    )

    async def ask_for_all(desk: Desk) -> list[str]:
        client = desk.client(odd)
        asked = (desk.polls.ask(client, f"t{number}") for number in range(45))
        return [update.remote_id for update in await asyncio.gather(*asked)]

    told = at_desk(ask_for_all)

    assert told == [f"t{number}" for number in range(45)]
    sizes = [len(request.json["task_ids"]) for request in scripted.asked(FETCH_MANY)]
    assert sorted(sizes) == [5, 20, 20]
    assert scripted.asked(FETCH) == []


def test_one_unreadable_report_does_not_hide_the_others(odd: ProviderAccount, scripted: Scripted):
    scripted.on(
        FETCH_MANY, says({"tasks": [None, {"task_id": "t0"}, task("processing", "t1"), 5, {}]})
    )

    async def ask_for_all(desk: Desk) -> list[object]:
        client = desk.client(odd)
        asked = (desk.polls.ask(client, f"t{number}") for number in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    told = at_desk(ask_for_all)

    assert isinstance(told[1], ProviderUpdate)
    assert [str(told[0]), str(told[2])] == ["malformed", "malformed"]


@pytest.mark.parametrize("answer", [Reply(404, b"<h1>Not found</h1>"), errs(405), says({})])
def test_a_provider_that_cannot_tell_of_many_is_asked_about_each(
    odd: ProviderAccount, scripted: Scripted, answer: Reply
):
    scripted.on(FETCH_MANY, answer)
    scripted.on(FETCH, lambda request: says(task("processing", request.json["task_id"])))

    async def ask_for_all(desk: Desk) -> list[str]:
        client = desk.client(odd)
        asked = (desk.polls.ask(client, f"t{number}") for number in range(30))
        return [update.remote_id for update in await asyncio.gather(*asked)]

    assert at_desk(ask_for_all) == [f"t{number}" for number in range(30)]
    assert len(scripted.asked(FETCH)) == 30


def test_a_provider_that_never_answers_keeps_no_other_waiting(
    odd: ProviderAccount, scripted: Scripted
):
    scripted.on(FETCH, lambda request: says(task("processing", request.json["task_id"])))
    silent = socket.create_server(("127.0.0.1", 0), backlog=100)
    dead = world.account(f"http://127.0.0.1:{silent.getsockname()[1]}", name="dead")

    async def ask_both(desk: Desk) -> ProviderUpdate:
        asked = (desk.polls.ask(desk.client(dead), f"t{number}") for number in range(400))
        unanswered = asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(0.3)
        update = await asyncio.wait_for(desk.polls.ask(desk.client(odd), "t0"), 5)
        assert not unanswered.done()
        silent.close()
        assert {str(error) for error in await unanswered} == {"unreachable"}
        return update

    assert at_desk(ask_both).remote_id == "t0"


# --- Webhooks ----------------------------------------------------------------------------------


def test_a_webhook_moves_nothing_that_a_fetch_does_not_confirm(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd)
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, says(task("processing", remote_id, percentage="30")))
    lie = task("finished", remote_id, image_url=scripted.base_url + "/evil.png")

    answered = hint(row, lie)
    moved = world.fresh(row).status
    consider_events()
    step(row)

    assert (answered, moved) == (200, Status.RUNNING)
    assert world.fresh(row).status == Status.RUNNING
    assert world.sums(rich) == (100, 1)
    assert scripted.asked("/evil.png") == []
    assert faults() == []


def test_a_webhook_that_says_failed_is_only_a_hint_as_well(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd)
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, says(task("processing", remote_id)))

    hint(row, task("failed", remote_id, error="no"))
    consider_events()
    step(row)

    assert world.fresh(row).status == Status.RUNNING


def test_a_webhook_makes_us_look_at_once(odd: ProviderAccount, scripted: Scripted, rich: Viewer):
    row = world.under_way(rich, odd, due_at=timezone.now() + timedelta(hours=1))
    remote_id = world.attempt_of(row).remote_id

    hint(row, task("finished", remote_id, image_url="http://a.b/c.png"))
    looked = consider_events()

    due_at = world.fresh(row).due_at
    assert looked == [row.pk]
    assert due_at is not None
    assert due_at <= timezone.now()


def test_an_event_is_stored_raw_and_read_later(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd)
    body = task("processing", world.attempt_of(row).remote_id, percentage="30")

    hint(row, body)
    stored = InboundEvent.objects.get()
    before = (stored.state, json.loads(stored.text))
    consider_events()

    stored.refresh_from_db()
    assert before == ("received", body)
    assert stored.state == "processed"
    assert world.fresh(row).percent == 0


def test_a_webhook_that_overtakes_the_answer_is_not_lost(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    answers = []

    def call_back_first(request: Request) -> Reply:
        answers.append(call_back(request, task("finished", image_url=f"{scripted.base_url}/a.png")))
        consider_events()
        world.close_connection()
        return says({"task_id": "t1"})

    scripted.on(IMAGINE, call_back_first)
    scripted.on(FETCH, lambda _: scripted.finished("t1", panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))

    work(row)

    assert answers == [200]
    assert world.fresh(row).status == Status.SUCCEEDED
    assert row.attempts.count() == len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


@pytest.mark.parametrize("moment", ["before the answer is lost", "while we check"])
def test_a_webhook_tells_the_id_of_an_order_whose_answer_was_lost(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, moment: str
):
    row = world.order(rich)
    seen: list[Request] = []

    def lose(request: Request) -> Any:
        seen.append(request)
        if moment.startswith("before"):
            call_back(request, task("processing", percentage="5"))
            consider_events()
            world.close_connection()
        return RESET

    scripted.on(IMAGINE, lose)
    scripted.on(FETCH, lambda _: scripted.finished("t1", panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))
    work(row, until=[Status.CHECKING, Status.RUNNING])
    if not moment.startswith("before"):
        call_back(seen[0], task("processing", percentage="5"))
        consider_events()

    running = world.fresh(row)
    work(row)

    assert running.status == Status.RUNNING
    assert world.attempt_of(row).remote_id == "t1"
    assert world.fresh(row).status == Status.SUCCEEDED
    assert world.fresh(row).captured_credits == 1
    assert len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (task("finished", "somebody-elses", image_url="http://a.b/c"), "other_order"),
        ({"task_id": "t9"}, "malformed"),
        ("no object", "malformed"),
    ],
)
def test_a_report_about_another_order_is_parked(
    odd: ProviderAccount, rich: Viewer, body: object, reason: str
):
    row = world.under_way(rich, odd)
    before = Generation.objects.values().get(pk=row.pk)

    answered = hint(row, body)
    consider_events()

    event = InboundEvent.objects.get()
    assert answered == 200
    assert (event.state, event.parked_reason) == ("parked", reason)
    assert Generation.objects.values().get(pk=row.pk) == before


def test_two_attempts_never_share_one_remote_order(odd: ProviderAccount, rich: Viewer):
    first = world.under_way(rich, odd)
    taken = world.attempt_of(first).remote_id
    second = world.order(rich)
    world.make_attempt(second, odd, state=AttemptState.UNKNOWN, remote_id="")
    world.change(second, status=Status.CHECKING, unknown_until=timezone.now())

    hint(second, task("finished", taken, image_url="http://a.b/c"))
    consider_events()

    assert InboundEvent.objects.get().parked_reason == "order_of_another_attempt"
    assert world.fresh(second).status == Status.CHECKING
    assert world.attempt_of(second).remote_id == ""


def test_a_report_for_a_refused_attempt_is_parked(odd: ProviderAccount, rich: Viewer):
    row = world.order(rich)
    world.make_attempt(
        row, odd, state=AttemptState.REJECTED, remote_id="", outcome="busy", holds_place=False
    )

    hint(row, task("finished", image_url="http://a.b/c"))
    consider_events()

    assert InboundEvent.objects.get().parked_reason == "rejected_attempt"
    assert world.fresh(row).status == Status.QUEUED


def test_a_storm_of_reports_ends_as_the_ordered_run_does(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd)
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))
    finished = task("finished", remote_id, image_url=scripted.base_url + "/a.png")
    storm = [finished, task("failed", remote_id), task("processing", remote_id), finished]

    for body in storm:
        hint(row, body)
    consider_events()
    work(row)
    for body in [*storm, task("failed", remote_id, error="late")]:
        hint(row, body)
    consider_events()
    time_passes(row.pk)
    step(row)

    found = world.fresh(row)
    assert (found.status, found.captured_credits) == (Status.SUCCEEDED, 1)
    assert found.assets.count() == 1
    assert InboundEvent.objects.count() == 4
    assert world.sums(rich) == (99, 0)
    assert faults() == []


# --- Late --------------------------------------------------------------------------------------


def given_up(rich: Viewer, odd: ProviderAccount, scripted: Scripted) -> Generation:
    """Released at the deadline while the provider still renders."""
    row = world.under_way(rich, odd, deadline_at=world.long_ago(seconds=1))
    scripted.on(FETCH, says(task("processing", world.attempt_of(row).remote_id)))
    step(row)
    assert world.fresh(row).status == Status.FAILED
    return row


def test_a_late_result_is_delivered_free(odd: ProviderAccount, scripted: Scripted, rich: Viewer):
    row = given_up(rich, odd, scripted)
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))

    work(row, until=[Status.SUCCEEDED])

    found = world.fresh(row)
    assert found.delivered_free_at is not None
    assert found.captured_credits == 0
    assert found.assets.count() == 1
    assert world.sums(rich) == (100, 0)
    assert faults() == []


def test_a_late_webhook_brings_a_lost_order_home_free(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    seen: list[Request] = []

    def lose(request: Request) -> Any:
        seen.append(request)
        return RESET

    scripted.on(IMAGINE, lose)
    work(row, until=[Status.CHECKING])
    world.change(row, unknown_until=world.long_ago(seconds=1))
    work(row)
    scripted.on(FETCH, lambda _: scripted.finished("t1", panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))

    call_back(seen[0], task("finished", image_url=scripted.base_url + "/a.png"))
    consider_events()
    work(row, until=[Status.SUCCEEDED])

    found = world.fresh(row)
    assert found.delivered_free_at is not None
    assert world.sums(rich) == (100, 0)
    assert len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


def test_a_late_result_that_cannot_be_fetched_changes_nothing(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = given_up(rich, odd, scripted)
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=["/gone.png"]))
    scripted.on("/gone.png", errs(404))

    for _ in range(12):
        step(row)

    found = world.fresh(row)
    assert (found.status, found.due_at) == (Status.FAILED, None)
    assert len(scripted.asked("/gone.png")) <= 4
    assert world.sums(rich) == (100, 0)
    assert faults() == []


def test_a_late_row_is_asked_about_ever_more_rarely_and_not_for_ever():
    now = timezone.now()

    waits = [settle.next_late_ask(now - timedelta(hours=hours)) for hours in (0, 1, 10, 47, 49)]

    hours = [round((w - now).total_seconds() / 3600, 1) if w else None for w in waits]
    assert hours == [0.0, 1.0, 10.0, 47.0, None]


def test_a_late_row_that_kills_its_workers_is_left_alone(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = given_up(rich, odd, scripted)
    asked = len(scripted.asked(FETCH))
    world.change(row, barren_claims=50, due_at=timezone.now())
    engine = Engine()
    engine.start()

    eventually(lambda: world.fresh(row).due_at is None and world.fresh(row).lease_until is None)
    engine.stop(grace_seconds=5)

    assert world.fresh(row).status == Status.FAILED
    assert len(scripted.asked(FETCH)) == asked


# --- Zombies -----------------------------------------------------------------------------------


def test_a_zombie_s_finished_report_has_no_effect(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.under_way(rich, odd, due_at=timezone.now())
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=["/a.png"]))

    async def lose_the_lease_while_asking(desk: Desk, held: Any) -> None:
        await desk.db(world.change, row, fence=held.fence + 1)
        with pytest.raises(LeaseLost):
            await receive.poll(desk, held)

    crash(row, lose_the_lease_while_asking)

    assert world.fresh(row).status == Status.RUNNING
    assert world.attempt_of(row).result == {}
    assert world.sums(rich) == (100, 1)


# --- All of it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("webhooks", [True, False])
def test_the_engine_finishes_by_webhook_and_by_polling_alone(
    committed: None, rich: Viewer, live_server: LiveServer, settings: Any, webhooks: bool
):
    settings.SITE_URL = live_server.url
    with Upstream(seconds=0.2, webhooks=webhooks) as upstream:
        world.account(upstream.base_url)
        rows = [world.order(rich, "midjourney"), *world.orders(rich, count=2)]
        engine = Engine()
        engine.start()
        eventually(lambda: all(not world.fresh(row).is_open for row in rows), seconds=30)
        engine.stop(grace_seconds=10)
        upstream.wait_for_webhooks()

    assert {world.fresh(row).status for row in rows} == {Status.SUCCEEDED}
    assert upstream.accepted == 3
    assert upstream.webhook_answers == [200] * (3 if webhooks else 0)
    assert world.sums(rich) == (94, 0)
    assert faults() == []


def test_a_row_that_kills_its_workers_is_given_up(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    for _ in range(9):
        assert claim(row.pk, worker="gone") is not None
        world.change(row, lease_until=world.long_ago(seconds=1))
    engine = Engine()
    engine.start()

    eventually(lambda: not world.fresh(row).is_open)
    engine.stop(grace_seconds=5)

    assert world.fresh(row).error_code == "internal"
    assert scripted.requests == []
    assert world.sums(rich) == (100, 0)
    assert faults() == []


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"deadline_at": world.long_ago(seconds=1)}, Status.FAILED, "unavailable"),
        ({"stop_waiting_at": world.long_ago(seconds=1)}, Status.CANCELED, ""),
    ],
)
def test_what_needs_no_account_any_more_ends_though_none_has_room(
    odd: ProviderAccount, rich: Viewer, fields: dict[str, Any], status: Status, code: str
):
    provider_accounts.pause(odd)
    row = world.order(rich)
    world.change(row, **fields)
    engine = Engine()
    engine.start()

    eventually(lambda: not world.fresh(row).is_open)
    engine.stop(grace_seconds=5)

    assert (world.fresh(row).status, world.fresh(row).error_code) == (status, code)
    assert world.sums(rich) == (100, 0)


def test_a_worker_without_its_loop_ends(monkeypatch: pytest.MonkeyPatch):
    async def end_at_once(engine: Engine) -> None:
        engine._started.set()

    monkeypatch.setattr(Engine, "_live", end_at_once)
    wishes: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: wishes.append(number))
    try:
        Engine().start()
        eventually(lambda: wishes == [signal.SIGTERM])
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_event_that_cannot_be_considered_is_parked_in_the_end(
    odd: ProviderAccount, rich: Viewer
):
    row = world.under_way(rich, odd, due_at=timezone.now() + timedelta(hours=1))
    hint(row, task("processing", world.attempt_of(row).remote_id))
    InboundEvent.objects.update(tries=8)
    engine = Engine()
    engine.start()

    eventually(lambda: InboundEvent.objects.get().state == "parked")
    engine.stop(grace_seconds=5)

    assert InboundEvent.objects.get().parked_reason == "could_not_be_read"


def test_a_desk_keeps_one_client_for_an_account(odd: ProviderAccount):
    async def compare(desk: Desk) -> tuple[bool, bool]:
        first, again = desk.client(odd), desk.client(odd)
        odd.api_key = "another"
        return first is again, first is desk.client(odd)

    assert at_desk(compare) == (True, False)
