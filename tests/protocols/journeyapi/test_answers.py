"""Whatever a provider answers, the client says which of three things it is: taken, not, unknown."""

import asyncio
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations.protocols.base import (
    NoReport,
    NotAccepted,
    Order,
    OutcomeUnknown,
    ProviderUpdate,
    State,
)
from generations.protocols.journeyapi import client, wire
from imagestudio.lib import http

TASK = {"task_id": "t-1", "status": "finished", "image_url": "https://cdn.example/1.png"}


def answer(status: int, body: object = None, **headers: str) -> http.Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.Answer(status, named, b"" if body is None else json.dumps(body).encode())


def errors(*messages: str) -> dict[str, Any]:
    return {"errors": [{"msg": message} for message in messages]}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, errors("prompt is required", "and more"), "invalid"),
        (400, errors("Prompt rejected by content policy"), "content_filter"),
        (400, errors("Banned prompt detected"), "content_filter"),
        (400, None, "invalid"),
        (401, {}, "unauthorized"),
        (402, errors("Insufficient credits"), "no_credits"),
        (403, None, "unauthorized"),
        (404, None, "unreachable"),
        (422, {"error": "bad"}, "invalid"),
        (429, errors("Rate limit exceeded"), "busy"),
        (503, None, "busy"),
    ],
)
def test_a_refusal_is_named(status: int, body: object, code: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        client.read_acceptance(answer(status, body))
    assert refused.value.code == code


def test_the_reason_is_everything_the_provider_says() -> None:
    with pytest.raises(NotAccepted) as refused:
        client.read_acceptance(answer(400, errors("prompt is required", "index must be 1")))
    assert refused.value.reason == "prompt is required index must be 1"


@pytest.mark.parametrize("status", [302, 408, 409, 500, 502, 504, 520])
def test_what_proves_nothing_leaves_the_outcome_unknown(status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        client.read_acceptance(answer(status, {}))


@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"[]", b"{}", b'{"task_id": 7}', b'{"task_id": ""}', b"\xff\xfe{", b"[" * 9999],
)
def test_a_success_without_a_task_leaves_the_outcome_unknown(body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        client.read_acceptance(http.Answer(200, {}, body))


@pytest.mark.parametrize("status", ["submitted", "", 4, None])
def test_a_task_id_beside_odd_words_is_an_order_taken(status: object) -> None:
    taken = client.read_acceptance(answer(200, {"task_id": "t-1", "status": status}))
    assert taken == ProviderUpdate(remote_id="t-1", state=State.WAITING)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("-3", 1),
        ("1000000000", 300),
        ("soon", 5),
        ("", 5),
        ("1.5", 5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1),
        ("Wed, 99 Oct 2015 07:28:00 GMT", 5),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300),
    ],
)
def test_retry_after_is_read_in_every_form_and_bounded(value: str, seconds: int) -> None:
    assert client.retry_after_seconds({"retry-after": value}) == seconds


def test_retry_after_may_be_a_date_to_come() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 <= client.retry_after_seconds({"retry-after": soon}) <= 60


@given(st.text())
def test_retry_after_never_fails(value: str) -> None:
    assert 1 <= client.retry_after_seconds({"retry-after": value}) <= 300


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        ("45", 45),
        (45, 45),
        ("45%", 45),
        (45.7, 45),
        (" 45.9 % ", 45),
        ("-5", 0),
        (900, 100),
        ("", None),
        ("many", None),
        ("1e3", None),
        (None, None),
        (True, None),
        ([], None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_percentages_are_read_in_every_form(value: object, percent: int | None) -> None:
    assert wire.parse_percentage(value) == percent


def test_a_hundred_percent_is_not_finished_while_the_status_says_processing() -> None:
    body = {**TASK, "status": "processing", "percentage": "100"}
    assert client.read_task(body) == ProviderUpdate(
        remote_id="t-1", state=State.RENDERING, percent=100
    )


@pytest.mark.parametrize("status", ["staged", "pending", "starting"])
def test_three_statuses_mean_waiting(status: str) -> None:
    assert client.read_task({"task_id": "t-1", "status": status}).state is State.WAITING


@pytest.mark.parametrize(
    "images",
    [
        {},
        {"image_url": "ftp://cdn.example/1.png"},
        {"image_url": "javascript:alert(1)"},
        {"image_url": 7},
        {"image_url": "https://"},
        {"image_url": "https://[bad/1.png"},
        {"image_urls": ["", None, {}, "data:image/png;base64,AA=="]},
        {"original_image_url": "https://cdn.example/grid.png"},
    ],
)
def test_finished_without_an_image_to_fetch_is_a_failure(images: dict[str, Any]) -> None:
    update = client.read_task({"task_id": "t-1", "status": "finished", **images})
    assert (update.state, update.failure) == (State.FAILED, "provider_failed")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("Content policy violation", "content_filter"),
        ("Request was flagged by moderation", "content_filter"),
        ("Blocked by our safety system", "content_filter"),
        ("NSFW content detected", "content_filter"),
        ("Banned prompt: xyz", "content_filter"),
        ("Internal generation error", "provider_failed"),
        (None, "provider_failed"),
        ({"message": "moderation"}, "content_filter"),
    ],
)
def test_failures_are_told_apart_by_their_words(error: object, failure: str) -> None:
    update = client.read_task({"task_id": "t-1", "status": "failed", "error": error})
    assert (update.state, update.failure) == (State.FAILED, failure)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, [], "malformed"),
        (200, {"task_id": "t-1", "status": "dancing"}, "malformed"),
        (400, errors("task_id not found"), "unknown_order"),
        (400, errors("task_id is required"), "malformed"),
        (401, {}, "unauthorized"),
        (404, None, "malformed"),
        (429, None, "busy"),
        (500, {}, "unreachable"),
        (503, {}, "busy"),
    ],
)
def test_a_fetch_without_a_report_says_why(status: int, body: object, code: str) -> None:
    with pytest.raises(NoReport) as nothing:
        client.read_task(client.read_report(answer(status, body)))
    assert nothing.value.code == code


# --- Callbacks are written by strangers --------------------------------------------------------

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["finished", "failed", "https://x.example/1.png", "\0", "\ud800", "45%"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
statuses = st.sampled_from(list(wire.Status)) | junk
tasks = st.fixed_dictionaries(
    {"task_id": st.just("t-1") | junk, "status": statuses},
    optional=dict.fromkeys(
        ["percentage", "image_url", "image_urls", "original_image_url", "seed", "error", "model"],
        junk,
    ),
)


def check(body: bytes) -> None:
    try:
        update = client.parse_callback(body)
    except ValueError:
        return
    words = [update.remote_id, update.sheet, update.seed, update.reason, *update.panels]
    for word in words:
        assert "\0" not in word
        assert len(word.encode("utf-8")) <= 4 * wire.URL_LENGTH_MAX
    assert all(url.startswith(("http://", "https://")) for url in update.panels)
    assert update.percent is None or 0 <= update.percent <= 100


@given(st.binary())
def test_bytes_from_strangers_are_a_report_or_a_value_error(body: bytes) -> None:
    check(body)


@given(junk | tasks)
def test_json_from_strangers_is_a_report_or_a_value_error(body: object) -> None:
    check(json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"task_id": "a\\u0000b", "status": "finished"}',
        b'{"task_id": "\\ud800", "status": "finished"}',
        b'{"task_id": "t-1", "status": "finished\\ud800"}',
        b'{"task_id": "t-1", "status": ' + b"[" * 200_000,
        b'{"task_id": "t-1", "percentage": ' + b"9" * 100_000 + b"}",
    ],
)
def test_hostile_bodies_are_value_errors(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever words, whichever kind
        client.parse_callback(body)


def test_a_nul_in_the_reason_is_taken_out() -> None:
    body = b'{"task_id": "t-1", "status": "failed", "error": "a\\u0000b\\ud800"}'
    assert client.parse_callback(body).reason == "ab?"


def test_the_secret_is_found_in_any_case() -> None:
    assert client.callback_secret({"X-Webhook-Secret": "s"}) == "s"
    assert client.callback_secret({"other": "s"}) == ""


# --- Answers that are not even HTTP -------------------------------------------------------------


def submit_to_server_saying(reply: bytes) -> ProviderUpdate:
    """Submit to a server that reads the order, says these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(5)
                while b"quiet harbour" not in connection.recv(65536):
                    pass
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return asyncio.run(_submit(listening.getsockname()[1]))
        finally:
            thread.join()


async def _submit(port: int) -> ProviderUpdate:
    egress = http.Egress(trusted=[f"127.0.0.1:{port}"])
    account = client.JourneyApiClient(
        egress=egress,
        base_url=f"http://127.0.0.1:{port}/api/v1/",
        api_key="key",
        submit_timeout_seconds=5,
    )

    async def nothing() -> None:
        """Nothing to write down."""

    try:
        order = Order(model="midjourney", prompt="a quiet harbour")
        return await account.submit(order, before_send=nothing)
    finally:
        await egress.close()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (client.BODY_BYTES_MAX + 1),
    ],
    ids=["nothing", "nonsense", "cut short", "a web page", "too large"],
)
def test_a_torn_answer_leaves_the_outcome_unknown(reply: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        submit_to_server_saying(reply)


def test_a_base_url_may_carry_the_prefix_already() -> None:
    body = b'{"task_id": "t-1"}'
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    assert submit_to_server_saying(reply).remote_id == "t-1"


def test_nobody_there_is_an_order_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotAccepted) as refused:
        asyncio.run(_submit(port))
    assert (refused.value.code, refused.value.retry_after_seconds) == ("unreachable", 5)
