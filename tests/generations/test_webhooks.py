"""The address that providers call: it stores and answers, and believes nothing."""

import asyncio
import json
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from accounts.teams import create_user
from accounts.viewer import Viewer
from generations import webhooks
from generations.models import Attempt, Generation, InboundEvent, ProviderAccount
from generations.pipeline import receive
from generations.provider_accounts import callback_secret, callback_token
from tests.generations import world

BODY = {"task_id": "t1", "status": "processing"}


@pytest.fixture
def away(db: None) -> ProviderAccount:
    """An account whose server nobody needs to reach here."""
    return world.account("http://127.0.0.1:9")


@pytest.fixture
def attempt(away: ProviderAccount, rich: Viewer) -> Attempt:
    return world.attempt_of(world.under_way(rich, away))


def post(attempt: Attempt, body: object = None, **change: Any) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body or report(attempt)).encode()
    token = change.pop("token", callback_token(attempt))
    protocol = change.pop("protocol", "journeyapi")
    headers = {"x-webhook-secret": change.pop("secret", callback_secret(attempt))}
    answer = Client(raise_request_exception=False).post(
        f"/webhooks/{protocol}/{token}",
        raw,
        content_type=change.pop("content_type", "application/json"),
        headers={name: value for name, value in headers.items() if value is not None},
    )
    return answer.status_code


def report(attempt: Attempt, status: str = "processing", **more: Any) -> dict[str, Any]:
    return {"task_id": attempt.remote_id, "status": status, **more}


def snapshot() -> list[dict[str, Any]]:
    return [dict(row) for rows in (Generation, Attempt) for row in rows.objects.values()]


# --- Answers -----------------------------------------------------------------------------------


def test_a_true_report_is_stored_and_thanked_for(attempt: Attempt):
    assert post(attempt) == 200

    event = InboundEvent.objects.get()
    assert (event.state, event.attempt_id) == ("received", attempt.pk)
    assert json.loads(event.text) == report(attempt)
    assert event.remote_address == "127.0.0.1"


def test_behind_a_proxy_the_caller_is_noted_and_not_the_proxy(attempt: Attempt, settings: Settings):
    settings.TRUSTED_PROXIES = 1
    Client().post(
        f"/webhooks/journeyapi/{callback_token(attempt)}",
        report(attempt),
        content_type="application/json",
        headers={
            "x-webhook-secret": callback_secret(attempt),
            "x-forwarded-for": "6.6.6.6, 203.0.113.1",
        },
    )

    assert InboundEvent.objects.get().remote_address == "203.0.113.1"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"secret": "wrong"}, 401), ({"secret": ""}, 401), ({"secret": None}, 401),
        ({"token": "unknown"}, 404), ({"token": "x" * 3000}, 404), ({"token": "%00"}, 404),
        ({"protocol": "telepathy"}, 404), ({"protocol": "base"}, 404), ({"protocol": "a-b"}, 404),
    ],
)  # fmt: skip
def test_whoever_proves_nothing_is_refused(attempt: Attempt, change: dict[str, Any], status: int):
    before = snapshot()

    assert post(attempt, **change) == status

    assert InboundEvent.objects.filter(state="received").count() == 0
    assert snapshot() == before


def test_a_secret_that_is_nearly_right_is_wrong(attempt: Attempt):
    secret = callback_secret(attempt)
    near = [secret[:-1], secret + "x", secret.swapcase(), f" {secret[1:]}", "é" * 10, secret * 2]

    assert {post(attempt, secret=guess) for guess in near} == {401}
    assert {e.parked_reason for e in InboundEvent.objects.all()} == {"wrong_secret"}


def test_the_secret_of_another_attempt_is_refused(
    attempt: Attempt, away: ProviderAccount, rich: Viewer
):
    other = world.attempt_of(world.under_way(rich, away))

    assert post(attempt, secret=callback_secret(other)) == 401
    assert post(attempt, token=callback_token(other)) == 401
    assert callback_secret(attempt) != callback_token(attempt)


def test_an_account_s_own_secret_takes_the_derived_one_s_place(attempt: Attempt):
    derived = callback_secret(attempt)
    account = ProviderAccount.objects.get()
    account.webhook_secret = "one of the account's own"
    account.save()

    assert post(attempt, secret=derived) == 401
    assert post(attempt, secret="one of the account's own") == 200


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post_is_taken(attempt: Attempt, method: str):
    path = f"/webhooks/journeyapi/{callback_token(attempt)}"

    assert getattr(Client(), method)(path).status_code == 405


def test_an_unknown_caller_learns_nothing(attempt: Attempt):
    answer = Client().post("/webhooks/journeyapi/nobody", b"{}", content_type="application/json")

    assert (answer.content, answer.headers.get("Set-Cookie")) == (b"{}", None)


# --- Size --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413), (10**6, 413)])
def test_a_body_larger_than_any_report_is_refused(attempt: Attempt, extra: int, status: int):
    assert post(attempt, b"x" * (webhooks.BODY_BYTES_MAX + extra)) == status

    assert InboundEvent.objects.count() == (status == 200)


def test_a_body_without_a_length_is_capped_as_well(committed: None, rich: Viewer):
    attempt = world.attempt_of(world.under_way(rich, world.account("http://127.0.0.1:9")))
    chunk = b"x" * 65_536
    small, large = [json.dumps(report(attempt)).encode()], [chunk] * 5

    assert asyncio.run(post_in_chunks(attempt, small)) == 200
    assert asyncio.run(post_in_chunks(attempt, large)) == 413
    assert InboundEvent.objects.count() == 1


async def post_in_chunks(attempt: Attempt, chunks: list[bytes]) -> int:
    """As an ASGI server hands over a request with Transfer-Encoding: chunked."""
    path = f"/webhooks/journeyapi/{callback_token(attempt)}"
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost"), (b"transfer-encoding", b"chunked"),
                    (b"x-webhook-secret", callback_secret(attempt).encode())],
    }  # fmt: skip
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []
    over = asyncio.Event()

    async def receive_one() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await ASGIHandler()(scope, receive_one, send)
    over.set()
    return int(sent[0]["status"])


# --- Again and again ---------------------------------------------------------------------------


def test_a_report_that_comes_again_is_stored_once(attempt: Attempt):
    assert [post(attempt) for _ in range(5)] == [200] * 5
    assert InboundEvent.objects.count() == 1


def test_the_same_report_for_two_attempts_is_two_events(
    attempt: Attempt, away: ProviderAccount, rich: Viewer
):
    other = world.attempt_of(world.under_way(rich, away))

    assert [post(attempt, BODY), post(other, BODY)] == [200, 200]
    assert InboundEvent.objects.count() == 2


def test_a_forged_copy_does_not_stand_in_the_way_of_the_true_report(attempt: Attempt):
    assert post(attempt, secret="wrong") == 401

    assert post(attempt) == 200

    states = InboundEvent.objects.order_by("pk").values_list("state", "parked_reason")
    assert list(states) == [("parked", "wrong_secret"), ("received", "")]


def test_strangers_do_not_fill_the_database(attempt: Attempt, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhooks, "STRANGERS_AN_HOUR", 3)

    answers = [post(attempt, {"n": n}, secret="wrong") for n in range(6)]

    assert answers == [401] * 6
    assert InboundEvent.objects.count() == 3
    assert post(attempt) == 200


# --- Nonsense ----------------------------------------------------------------------------------

texts = st.text(alphabet=st.characters(), max_size=30)
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
NAMES = ("task_id", "status", "percentage", "image_urls", "image_url", "seed", "error", "model")
tasks = st.dictionaries(st.sampled_from(NAMES), values) | st.fixed_dictionaries(
    {
        "task_id": st.just("t1") | texts,
        "status": st.sampled_from(["finished", "failed", "processing", "FINISHED ", "gone"]),
    },
    optional=dict.fromkeys(NAMES[2:], values),
)
bodies = (
    st.binary(max_size=200)
    | values.map(json.dumps).map(str.encode)
    | tasks.map(lambda task: json.dumps(task).encode("utf-8", "surrogatepass"))
)


@given(body=bodies)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_body_breaks_the_door_or_moves_a_row(attempt: Attempt, body: bytes):
    InboundEvent.objects.all().delete()
    before = snapshot()

    assert post(attempt, body) == 200
    receive.consider(InboundEvent.objects.get().pk)

    after = snapshot()
    for row in (*before, *after):
        row.pop("due_at", None)
    assert after == before
    assert InboundEvent.objects.get().state in {"parked", "processed"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 10_000 + b"]" * 10_000, b'"\\ud800"',
        b'{"task_id": "\\ud800", "status": "finished"}', b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"task_id": "a\\u0000b", "status": "finished"}', b"NaN", b"1e999999",
        b'{"task_id": "t1", "status": "finished", "image_urls": null}', b"9" * 5_000,
        b'{"task_id": "' + b"x" * 200_000 + b'", "status": "finished"}',
    ],
)  # fmt: skip
def test_nonsense_is_kept_for_the_operator_and_leads_to_nothing(attempt: Attempt, body: bytes):
    before = snapshot()

    assert post(attempt, body) == 200
    event = InboundEvent.objects.get()
    assert receive.consider(event.pk) is None

    event.refresh_from_db()
    assert (event.state, bytes(event.body)) == ("parked", body)
    assert snapshot() == before


@pytest.mark.parametrize("content_type", ["text/plain", "", "multipart/form-data; boundary=x"])
def test_what_it_calls_itself_does_not_matter(attempt: Attempt, content_type: str):
    assert post(attempt, content_type=content_type) == 200
    assert json.loads(InboundEvent.objects.get().text) == report(attempt)


# --- The operator ------------------------------------------------------------------------------


@pytest.fixture
def operator(db: None) -> Client:
    admin: User = create_user("root@example.com", password=world.PASSWORD, is_admin=True)
    client = Client()
    client.force_login(admin)
    return client


def test_the_operator_may_have_a_parked_event_considered_again(attempt: Attempt, operator: Client):
    post(attempt, {"task_id": "other", "status": "processing"})
    event = InboundEvent.objects.get()
    receive.consider(event.pk)
    Attempt.objects.filter(pk=attempt.pk).update(remote_id="other")

    answer = replay(operator, event)

    event.refresh_from_db()
    assert answer.status_code == 302
    assert (event.state, event.tries, event.processed_at) == ("received", 0, None)
    receive.consider(event.pk)
    event.refresh_from_db()
    assert event.state == "processed"


def test_what_came_without_its_secret_is_never_replayed(attempt: Attempt, operator: Client):
    post(attempt, secret="wrong")
    post(attempt, token="nobody")
    events = list(InboundEvent.objects.all())

    replay(operator, *events)

    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"parked"}
    assert len(events) == 2


def replay(operator: Client, *events: InboundEvent) -> Any:
    return operator.post(
        "/admin/generations/inboundevent/",
        {"action": "replay", "_selected_action": [event.pk for event in events]},
    )


def test_a_list_of_events_reads_no_bodies(attempt: Attempt, operator: Client):
    post(attempt)

    with CaptureQueriesContext(connection) as asked:
        page = operator.get("/admin/generations/inboundevent/").content.decode()

    assert "1 inbound event" in page
    assert [query["sql"] for query in asked if '"body"' in query["sql"]] == []


def test_an_event_is_shown_to_the_operator_as_text(attempt: Attempt, operator: Client):
    post(attempt, b'{"task_id": "<script>alert(1)</script>\xff"}')
    event = InboundEvent.objects.get()

    page = operator.get(f"/admin/generations/inboundevent/{event.pk}/change/").content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
