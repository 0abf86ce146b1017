"""What the sandbox answers over real HTTP when nothing goes wrong on purpose."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.sandbox.conftest import Caller, Listener


def test_an_order_is_answered_with_its_id_and_advances_to_four_panels(sandbox: Caller) -> None:
    accepted = sandbox.order("a quiet harbour [512px] --ar 16:9").json
    assert list(accepted) == ["task_id"]
    task = sandbox.finished(accepted["task_id"])
    assert task["percentage"] == "100"
    assert [url.rsplit("/", 1)[1] for url in task["image_urls"]] == [
        f"0_{place}.png" for place in range(4)
    ]
    for url in [*task["image_urls"], task["original_image_url"]]:
        with Image.open(io.BytesIO(sandbox.get(url).content)) as picture:
            assert picture.size == (512, 288)


def test_percentages_advance(sandbox: Caller) -> None:
    task_id = sandbox.order("slowly [slow:1]").json["task_id"]
    seen: list[int] = []
    while True:
        task = sandbox.post("/api/v1/fetch", {"task_id": task_id}).json
        seen.append(int(task["percentage"]))
        if task["status"] == "finished":
            break
    assert seen == sorted(seen)
    assert len(set(seen)) > 5


def test_flux_gives_one_image_and_no_grid(sandbox: Caller) -> None:
    fields: dict[str, Any] = {
        "model": "flux-schnell",
        "aspect_ratio": "9:16",
        "output_format": "jpg",
    }
    task_id = sandbox.order("a quiet harbour [512px]", **fields).json["task_id"]
    task = sandbox.finished(task_id)
    assert "image_urls" not in task
    assert "original_image_url" not in task
    with Image.open(io.BytesIO(sandbox.get(task["image_url"]).content)) as picture:
        assert (picture.size, picture.format) == ((288, 512), "JPEG")


@pytest.mark.parametrize("spelling", ["{}", "Bearer {}", "bearer  {}"])
def test_the_key_is_taken_raw_or_after_bearer(sandbox: Caller, spelling: str) -> None:
    caller = Caller(sandbox.base_url, api_key=spelling.format(sandbox.api_key))
    assert caller.get("/api/v1/account").json["plan"] == "enterprise"


@pytest.mark.parametrize("path", ["/api/v1/account", "/_sandbox/stats", "/_sandbox/orders"])
def test_a_wrong_key_is_told_nothing(sandbox: Caller, path: str) -> None:
    reply = Caller(sandbox.base_url, api_key="wrong").get(path)
    assert (reply.status, reply.json) == (401, {})


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({}, ["prompt is required"]),
        ({"prompt": 7}, ["prompt must be a string"]),
        ([], ["body must be a JSON object"]),
        ({"prompt": "x", "model": "flux-9"}, ["model must be one of: midjourney, flux-schnell"]),
        (
            {"prompt": " ", "aspect_ratio": "16:10"},
            ["prompt is required", "aspect_ratio must be a valid ratio (e.g., 16:9)"],
        ),
        ({"prompt": "x", "webhook_url": "ftp://x"}, ["webhook_url must be a valid URL"]),
        (
            {"prompt": "x", "model": "flux-schnell", "resolution": "9K"},
            ["resolution must be one of: 1K, 2K, 4K"],
        ),
    ],
)
def test_an_order_with_faults_is_refused_with_all_of_them(
    sandbox: Caller, body: Any, messages: list[str]
) -> None:
    reply = sandbox.post("/api/v1/imagine", body)
    assert reply.status == 400
    assert [error["msg"] for error in reply.json["errors"]] == messages
    assert sandbox.stats()["accepted"] == 0


def test_fields_the_model_does_not_use_are_ignored(sandbox: Caller) -> None:
    reply = sandbox.order("x [instant]", output_format="gif", negative_prompt="y" * 5000)
    assert reply.status == 200


def test_half_a_surrogate_pair_in_a_prompt_is_no_reason_to_fail(sandbox: Caller) -> None:
    assert sandbox.order("a harbour \ud83d [instant]").status == 200


def test_fetch_many_leaves_out_what_is_unknown_and_wants_two_to_twenty(sandbox: Caller) -> None:
    known = sandbox.order("x").json["task_id"]
    found = sandbox.post("/api/v1/fetch-many", {"task_ids": [known, "missing"]}).json["tasks"]
    assert [task["task_id"] for task in found] == [known]
    for task_ids in ([known], ["x"] * 21, "xx", [1, 2]):
        reply = sandbox.post("/api/v1/fetch-many", {"task_ids": task_ids})
        assert reply.status == 400
        assert reply.json == {"errors": [{"msg": "task_ids must contain 2-20 IDs"}]}


def test_an_unknown_task_is_refused(sandbox: Caller) -> None:
    reply = sandbox.post("/api/v1/fetch", {"task_id": "missing"})
    assert (reply.status, reply.json) == (400, {"errors": [{"msg": "task_id not found"}]})


def test_callbacks_come_on_the_way_and_at_the_end_with_the_secret(
    sandbox: Caller, listener: Listener
) -> None:
    accepted = sandbox.order("x", webhook_url=listener.url, webhook_secret="ours").json
    first, last = listener.wait(2)
    assert first["status"] == "processing"
    assert last == sandbox.finished(accepted["task_id"])
    assert {secret for secret, _ in listener.heard} == {"ours"}


def test_a_callback_that_is_not_taken_is_tried_again_after_each_wait(
    sandbox: Caller, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generations.sandbox.callbacks.RETRY_SECONDS", (0.05, 0.05))
    listener.status = 500
    sandbox.order("x [instant]", webhook_url=listener.url)
    listener.wait(3)
    for _ in range(200):
        if sandbox.stats()["webhooks_given_up"]:
            break
    assert len(listener.heard) == 3


def test_the_counters_tell_orders_apart_by_their_words(sandbox: Caller) -> None:
    for prompt in ("one pear", "two pears", "an apple [instant]"):
        sandbox.order(prompt)
    stats = sandbox.stats(contains="pear")
    assert (stats["accepted"], stats["matching"]) == (3, 2)
    assert stats["by_tag"] == {"instant": 1}
    listed = sandbox.get("/_sandbox/orders?contains=pear").json
    assert [order["prompt"] for order in listed] == ["one pear", "two pears"]
