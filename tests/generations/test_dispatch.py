"""From a waiting row to an order at the provider: every answer, and none."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.viewer import Viewer
from generations.invariants import faults
from generations.models import AttemptState, Generation, ProviderAccount, Status
from generations.pipeline import dispatch, receive
from generations.pipeline.cancel import cancel
from generations.pipeline.desk import Desk
from generations.pipeline.lifecycle import Claim, LeaseLost, claim
from tests.billing.racing import together
from tests.generations import world
from tests.generations.driving import crash, step, work
from tests.generations.scripted import (
    FETCH,
    IMAGINE,
    RESET,
    Reply,
    Request,
    Scripted,
    errs,
    file,
    says,
)
from tests.lib.peers import OUTSIDE
from tests.servers import free_port
from tests.upstream import Upstream, png


def end_of(row: Generation) -> tuple[str, str]:
    found = world.fresh(row)
    return found.status, found.error_code


def attempts(row: Generation) -> list[tuple[str, str]]:
    return list(row.attempts.order_by("number").values_list("state", "outcome"))


# --- Taken ------------------------------------------------------------------------------------


def test_an_accepted_order_runs_and_holds_one_place(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich, aspect_ratio="16:9")

    step(row)

    found, attempt = world.fresh(row), world.attempt_of(row)
    assert found.status == Status.RUNNING
    assert found.accepted_at is not None
    assert found.due_at is not None
    assert attempt.state == AttemptState.ACCEPTED
    assert [o.task_id for o in upstream.orders] == [attempt.remote_id]
    north.refresh_from_db()
    assert north.in_flight == 1
    assert faults() == []


def test_the_provider_is_told_what_was_asked_and_where_to_call(
    north: ProviderAccount, upstream: Upstream, rich: Viewer, settings: Settings
):
    row = world.order(rich, aspect_ratio="16:9", negative_prompt="rain")

    step(row)

    body = upstream.orders[0].body
    assert body["prompt"] == world.PROMPT
    assert (body["model"], body["aspect_ratio"]) == ("flux-schnell", "16:9")
    assert body["negative_prompt"] == "rain"
    assert body["webhook_url"].startswith(f"{settings.SITE_URL}/webhooks/journeyapi/")
    assert len(body["webhook_secret"]) >= 32
    assert body["webhook_secret"] not in body["webhook_url"]


def test_an_order_becomes_pictures_in_our_storage_paid_once(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich, "midjourney")

    work(row)

    found = world.fresh(row)
    assert (found.status, found.captured_credits) == (Status.SUCCEEDED, 4)
    assert world.sums(rich) == (96, 0)
    assert sorted(found.assets.values_list("kind", "position")) == [
        ("panel", 0), ("panel", 1), ("panel", 2), ("panel", 3), ("sheet", 0),
    ]  # fmt: skip
    assert (found.seed, found.percent) == ("3847291056", 100)
    assert upstream.accepted == 1
    north.refresh_from_db()
    assert north.in_flight == 0
    assert faults() == []


def test_an_answer_that_is_already_finished_is_collected_at_once(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    scripted.on(IMAGINE, lambda _: scripted.finished("t1", panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))

    step(row)

    assert end_of(row) == (Status.SUCCEEDED, "")
    assert world.sums(rich) == (99, 0)
    assert scripted.asked(FETCH) == []
    assert faults() == []


def test_an_answer_that_has_failed_already_gives_the_hold_back(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    failed = {"task_id": "t1", "status": "failed", "error": "GPU fell over"}
    scripted.on(IMAGINE, says(failed))
    scripted.on(FETCH, says(failed))

    work(row)

    found = world.fresh(row)
    assert (found.status, found.error_code) == (Status.FAILED, "provider_failed")
    assert found.error_reason == "GPU fell over"
    assert world.sums(rich) == (100, 0)
    assert len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


# --- Refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (errs(400, "Prompt blocked by content policy"), "content_filter"),
        (errs(422, "moderation: nsfw"), "content_filter"),
        (errs(400, "prompt is required"), "invalid"),
        (errs(413), "invalid"),
    ],
)
def test_a_refusal_of_the_prompt_ends_it_and_gives_the_hold_back(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, answer: Reply, code: str
):
    row = world.order(rich)
    scripted.on(IMAGINE, answer)

    work(row)

    assert end_of(row) == (Status.FAILED, code)
    assert attempts(row) == [(AttemptState.REJECTED, code)]
    assert world.sums(rich) == (100, 0)
    assert len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


@pytest.mark.parametrize("status", [401, 402, 403])
def test_trouble_with_our_own_account_ends_it_as_unavailable(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, status: int
):
    row = world.order(rich)
    scripted.on(IMAGINE, errs(status, "insufficient credits for key japi_live_scripted"))

    work(row)

    assert end_of(row) == (Status.FAILED, "unavailable")
    assert world.sums(rich) == (100, 0)
    assert len(scripted.asked(IMAGINE)) == 1
    odd.refresh_from_db()
    assert odd.trouble in {"unauthorized", "no_credits"}
    assert faults() == []


def test_the_next_account_is_tried_when_one_refuses_us(
    odd: ProviderAccount, scripted: Scripted, upstream: Upstream, rich: Viewer
):
    world.account(upstream.base_url, name="second", in_flight=1)  # busier, so asked later
    scripted.on(IMAGINE, errs(402))
    row = world.order(rich)

    work(row)

    assert end_of(row) == (Status.SUCCEEDED, "")
    assert attempts(row) == [
        (AttemptState.REJECTED, "unavailable"),
        (AttemptState.ACCEPTED, "finished"),
    ]
    assert (len(scripted.asked(IMAGINE)), upstream.accepted) == (1, 1)


def test_a_pinned_order_is_not_put_to_the_account_that_refused_us_again(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich, pinned_account=odd)
    scripted.on(IMAGINE, errs(401))

    work(row)

    assert end_of(row) == (Status.FAILED, "unavailable")
    assert len(scripted.asked(IMAGINE)) == 1


def test_a_paused_account_gets_no_pinned_order_either(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich, pinned_account=odd)
    ProviderAccount.objects.update(paused_at=timezone.now())

    work(row)

    assert end_of(row) == (Status.FAILED, "unavailable")
    assert scripted.requests == []


def test_an_account_of_another_protocol_is_never_asked(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich, pinned_account=odd)
    ProviderAccount.objects.update(protocol="telepathy")

    work(row)

    assert end_of(row) == (Status.FAILED, "unavailable")
    assert scripted.requests == []


@pytest.mark.parametrize(
    ("answer", "at_least"),
    [
        (errs(429, **{"Retry-After": "120"}), 120),
        (errs(429, **{"Retry-After": "1000000000"}), 300),
        (errs(429, **{"Retry-After": "soon"}), 5),
        (errs(503), 5),
    ],
)
def test_a_busy_provider_is_left_alone_for_as_long_as_it_asks(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, answer: Reply, at_least: int
):
    row = world.order(rich)
    scripted.on(IMAGINE, answer)

    step(row)

    found = world.fresh(row)
    odd.refresh_from_db()
    assert found.status == Status.QUEUED
    assert attempts(row) == [(AttemptState.REJECTED, "busy")]
    assert odd.in_flight == 0
    assert found.due_at is not None
    assert odd.quiet_until is not None
    wait = (odd.quiet_until - timezone.now()).total_seconds()
    assert at_least - 2 <= wait <= at_least * 1.25
    assert abs((found.due_at - odd.quiet_until).total_seconds()) < 1
    assert world.sums(rich) == (100, 1)
    assert faults() == []


def test_all_orders_of_an_account_share_its_silence(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    first, *others = world.orders(rich, count=4)
    scripted.on(IMAGINE, errs(429, **{"Retry-After": "60"}))
    step(first)
    quiet_until = ProviderAccount.objects.get().quiet_until

    for other in others:
        world.change(other, due_at=timezone.now())
    ProviderAccount.objects.update(quiet_until=quiet_until)
    after = [dispatch_alone(other) for other in others]

    assert after == [Status.QUEUED] * 3
    assert len(scripted.asked(IMAGINE)) == 1


def dispatch_alone(row: Generation) -> str:
    """One dispatch without letting time pass first."""

    async def act(desk: Desk, held: Claim) -> None:
        await dispatch.dispatch(desk, held)

    crash(row, act)
    return world.fresh(row).status


def test_a_busy_provider_takes_the_order_later(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    scripted.on(IMAGINE, errs(429), errs(503), lambda _: scripted.finished("t1", panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))

    work(row)

    assert end_of(row) == (Status.SUCCEEDED, "")
    assert [state for state, _ in attempts(row)] == ["rejected", "rejected", "accepted"]
    assert faults() == []


def test_an_unreachable_provider_was_not_sent_to_and_is_tried_again(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    reachable = odd.base_url
    ProviderAccount.objects.update(base_url=f"http://{OUTSIDE}:{free_port()}")
    row = world.order(rich)
    step(row)
    before = (world.fresh(row).status, attempts(row), world.attempt_of(row).sent_at)

    ProviderAccount.objects.update(base_url=reachable)
    scripted.on(IMAGINE, lambda _: scripted.finished("t1", panels=["/a.png"]))
    scripted.on("/a.png", file(png(40, 30)))
    work(row)

    assert before == (Status.QUEUED, [(AttemptState.REJECTED, "unreachable")], None)
    assert end_of(row) == (Status.SUCCEEDED, "")
    assert len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


def test_an_order_whose_time_is_up_before_anybody_took_it_is_given_back(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    world.change(row, deadline_at=timezone.now() - timedelta(seconds=1))

    work(row)

    assert end_of(row) == (Status.FAILED, "unavailable")
    assert world.sums(rich) == (100, 0)
    assert scripted.requests == []
    assert faults() == []


def test_an_order_waits_while_every_place_is_taken(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    ProviderAccount.objects.update(concurrency=1)
    scripted.on(IMAGINE, says({"task_id": "t1"}))
    first, second = world.orders(rich, count=2)
    step(first)

    step(second)

    assert world.fresh(first).status == Status.RUNNING
    assert end_of(second) == (Status.QUEUED, "")
    assert len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


# --- Lost -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [RESET, errs(500), errs(502), Reply(200, b"<html>"), says({"ok": True})]
)
def test_an_answer_that_says_nothing_is_never_asked_for_twice(
    odd: ProviderAccount,
    scripted: Scripted,
    rich: Viewer,
    settings: Settings,
    answer: Callable[[Request], Reply],
):
    settings.UNKNOWN_SECONDS = 900
    row = world.order(rich)
    scripted.on(IMAGINE, answer)

    work(row, until=[Status.CHECKING])
    step(row)

    found = world.fresh(row)
    assert found.status == Status.CHECKING
    assert found.unknown_until is not None
    assert 880 < (found.unknown_until - timezone.now()).total_seconds() <= 900
    assert attempts(row) == [(AttemptState.UNKNOWN, "")]
    assert world.sums(rich) == (100, 1)
    assert len(scripted.asked(IMAGINE)) == 1
    assert faults() == []


def test_what_is_still_unknown_at_the_deadline_is_given_back(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)
    scripted.on(IMAGINE, RESET)
    work(row, until=[Status.CHECKING])

    world.change(row, unknown_until=timezone.now() - timedelta(seconds=1))
    work(row)

    assert end_of(row) == (Status.FAILED, "outcome_unknown")
    assert world.sums(rich) == (100, 0)
    assert len(scripted.asked(IMAGINE)) == 1
    assert world.fresh(row).due_at is None
    odd.refresh_from_db()
    assert odd.in_flight == 0
    assert faults() == []


# --- A worker that vanished -------------------------------------------------------------------


async def intend(desk: Desk, held: Claim) -> None:
    await desk.db(dispatch._intend, held)


async def intended(desk: Desk, held: Claim) -> dispatch.Intent:
    intent = await desk.db(dispatch._intend, held)
    assert intent is not None
    return intent


async def intend_and_mark_sent(desk: Desk, held: Claim) -> None:
    intent = await intended(desk, held)
    await desk.db(dispatch._mark_sent, intent.claim, intent.attempt)


def test_what_was_only_intended_is_sent_once(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich)
    crash(row, intend)
    before = (world.fresh(row).status, world.attempt_of(row).state)

    work(row)

    assert before == (Status.SUBMITTING, AttemptState.INTENDED)
    assert end_of(row) == (Status.SUCCEEDED, "")
    assert (upstream.accepted, row.attempts.count()) == (1, 1)
    assert faults() == []


def test_what_may_have_been_sent_is_not_sent_again(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich)
    crash(row, intend_and_mark_sent)

    work(row, until=[Status.CHECKING])
    world.change(row, unknown_until=timezone.now() - timedelta(seconds=1))
    work(row)

    assert end_of(row) == (Status.FAILED, "outcome_unknown")
    assert upstream.accepted == 0
    assert world.sums(rich) == (100, 0)
    assert faults() == []


def test_a_zombie_sends_nothing(north: ProviderAccount, upstream: Upstream, rich: Viewer):
    row = world.order(rich)

    async def lose_the_lease_before_sending(desk: Desk, held: Claim) -> None:
        intent = await intended(desk, held)
        await desk.db(world.change, row, fence=held.fence + 1)
        with pytest.raises(LeaseLost):
            await dispatch._send(desk, intent)

    crash(row, lose_the_lease_before_sending)

    assert upstream.accepted == 0
    assert world.attempt_of(row).state == AttemptState.INTENDED


def test_a_callback_at_the_moment_of_doubt_is_believed(odd: ProviderAccount, rich: Viewer):
    rows = world.orders(rich, count=4)
    for row in rows:
        attempt = world.make_attempt(row, odd, state=AttemptState.SENT, remote_id="")
        world.change(row, status=Status.SUBMITTING)
        held = claim(row.pk, worker="w1")
        assert held is not None

        outcomes = together(
            [
                partial(dispatch._doubt, held, attempt),
                partial(receive.adopt, attempt, f"t-{row.pk}"),
            ]
        )

        assert outcomes == [None, None]
        assert world.fresh(row).status == Status.RUNNING
        assert world.attempt_of(row).state == AttemptState.ACCEPTED
    assert faults() == []


def test_a_zombie_s_answer_still_frees_the_row_from_doubt(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich)

    async def freeze_until_somebody_doubts(desk: Desk, held: Claim) -> None:
        intent = await intended(desk, held)
        await desk.db(dispatch._mark_sent, intent.claim, intent.attempt)
        update = await desk.client(intent.attempt.account).submit(intent.order, before_send=nothing)
        await desk.db(
            world.change, row, fence=held.fence + 1, status=Status.CHECKING,
            unknown_until=timezone.now() + timedelta(minutes=5),
        )  # fmt: skip
        with pytest.raises(LeaseLost):
            await desk.db(dispatch._accepted, intent.claim, intent.attempt, update)

    crash(row, freeze_until_somebody_doubts)
    freed = world.fresh(row)
    work(row)

    assert freed.status == Status.RUNNING
    assert end_of(row) == (Status.SUCCEEDED, "")
    assert upstream.accepted == 1
    assert faults() == []


async def nothing() -> None:
    """Already marked as sent."""


# --- The owner does not wait ------------------------------------------------------------------


def test_an_order_that_nobody_waits_for_is_not_placed_again(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = world.order(rich)

    def busy_while_the_owner_leaves(_: Request) -> Reply:
        world.change(row, stop_waiting_at=timezone.now())
        world.close_connection()
        return errs(503)

    scripted.on(IMAGINE, busy_while_the_owner_leaves)
    work(row)

    assert end_of(row) == (Status.CANCELED, "")
    assert len(scripted.asked(IMAGINE)) == 1
    assert world.sums(rich) == (100, 0)
    assert faults() == []


def test_a_cancelled_order_is_never_placed(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich)
    outcome = cancel(row)

    step(row)

    assert outcome.returned == 1
    assert end_of(row) == (Status.CANCELED, "")
    assert upstream.accepted == 0
    assert world.sums(rich) == (100, 0)
    assert faults() == []
