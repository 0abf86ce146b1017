"""Another server that speaks the wire is one command away, by webhook and by polling alone."""

from collections.abc import Iterator

import pytest

from tests.processes.desk import Desk, Wish, all_settled
from tests.studio import Studio
from tests.upstream import Upstream

pytestmark = pytest.mark.processes


@pytest.fixture(params=[True, False], ids=["webhooks", "polling-alone"])
def other(request: pytest.FixtureRequest) -> Iterator[Upstream]:
    with Upstream(webhooks=request.param, seconds=1.5) as server:
        yield server


def test_an_added_provider_delivers(
    on_files: Studio, desk: Desk, other: Upstream, request: pytest.FixtureRequest
):
    name = "by-webhook" if other.webhooks else "by-polling"
    added = on_files.manage(
        "provider", "add", name, "--protocol", "journeyapi", "--base-url", other.base_url,
        "--api-key", other.api_key,
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    # Orders of other tests must not come to a server that goes with this one.
    request.addfinalizer(lambda: on_files.manage("provider", "pause", name))

    ids = desk.place(
        [
            Wish(prompt="an elk in the mist --ar 3:2", model="midjourney", provider=name),
            Wish(prompt="a lighthouse", provider=name),
        ]
    )
    grid, single = desk.look_until(all_settled, seconds=40, ids=ids)

    assert (grid.status, grid.images, grid.sheets, grid.captured) == ("SUCCEEDED", 4, 1, 4)
    assert (single.status, single.images, single.captured) == ("SUCCEEDED", 1, 1)
    assert other.accepted == 2
    other.wait_for_webhooks()
    assert other.webhook_answers == ([200, 200] if other.webhooks else [])
    asked = {order.body["prompt"]: order.body for order in other.orders}
    assert asked["a lighthouse"]["model"] == "flux-schnell"
    assert desk.faults() == "No faults."
