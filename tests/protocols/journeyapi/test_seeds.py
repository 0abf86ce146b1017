"""The provider's own examples, kept word for word in fixtures/, through our client and server."""

import json
from pathlib import Path
from typing import Any

import pytest

from generations.protocols.base import Order, ProviderUpdate, State
from generations.protocols.journeyapi import client, server, wire
from imagestudio.lib import http

FIXTURES = Path(__file__).parent / "fixtures"
MODELS = ("midjourney", "flux-pro", "flux-schnell", "flux-kontext-max")
TASK_ID = "550e8400-e29b-41d4-a716-446655440000"


def raw(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def parsed(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(raw(name))
    return body


def answered(name: str) -> ProviderUpdate:
    return client.read_acceptance(http.Answer(200, {}, raw(name)))


@pytest.mark.parametrize("name", ["imagine_answer", "imagine_elk_answer"])
def test_a_bare_task_id_is_an_order_waiting(name: str) -> None:
    assert answered(name) == ProviderUpdate(remote_id=TASK_ID, state=State.WAITING)


def test_a_synchronous_answer_is_finished_with_its_image() -> None:
    assert answered("kontext_max_answer") == ProviderUpdate(
        remote_id=TASK_ID,
        state=State.FINISHED,
        percent=100,
        panels=("https://cdn.example.com/output.png",),
    )


def test_a_finished_grid_has_four_panels_in_order_and_a_sheet() -> None:
    assert client.parse_callback(raw("midjourney_finished")) == ProviderUpdate(
        remote_id=TASK_ID,
        state=State.FINISHED,
        percent=100,
        panels=tuple(f"https://cdn.midjourney.com/abc123/0_{place}.png" for place in range(4)),
        sheet="https://cdn.midjourney.com/abc123/grid_0.png",
        seed="3847291056",
    )


def test_a_finished_single_image_has_no_sheet() -> None:
    assert client.parse_callback(raw("flux_pro_finished")) == ProviderUpdate(
        remote_id="661f9511-f30c-52e5-b827-557766551111",
        state=State.FINISHED,
        percent=100,
        panels=("https://images.journeyapi.com/flux/abc123.png",),
    )


@pytest.mark.parametrize("name", ["midjourney_finished", "flux_pro_finished", "kontext_max_answer"])
def test_the_server_writes_task_objects_as_the_provider_does(name: str) -> None:
    assert server.render_task(wire.parse_task(parsed(name))) == parsed(name)


@pytest.mark.parametrize("name", ["imagine_answer", "imagine_elk_answer"])
def test_the_server_accepts_as_the_provider_does(name: str) -> None:
    assert server.render_accepted(TASK_ID) == parsed(name)


@pytest.mark.parametrize(
    "name",
    [
        "imagine_midjourney_request",
        "imagine_flux_pro_request",
        "imagine_elk_request",
        "kontext_max_request",
    ],
)
def test_the_server_takes_the_provider_s_example_orders(name: str) -> None:
    body = parsed(name)
    order = server.parse_imagine(body, models=MODELS)
    assert order.prompt == body["prompt"]
    assert order.model == body.get("model", "midjourney")
    assert order.webhook_url == body.get("webhook_url", "")


def test_the_client_orders_as_the_example_does() -> None:
    body = parsed("imagine_flux_pro_request")
    order = Order(
        model="flux-pro",
        prompt=body["prompt"],
        parameters={"aspect_ratio": "16:9", "output_format": "png"},
        callback_url=body["webhook_url"],
    )
    assert client.order_body(order) == body
