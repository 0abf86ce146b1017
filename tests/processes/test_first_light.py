"""One command, one prompt: the images stored whole and the credits captured, on both set-ups."""

import hashlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests import servers
from tests.studio import Studio

pytestmark = pytest.mark.processes
CITY = "a cyberpunk cityscape at night --ar 16:9"
Read = Callable[[str], bytes]


@pytest.fixture(params=["files", "services"])
def studio(request: pytest.FixtureRequest) -> Studio:
    """SQLite with files, and PostgreSQL with S3."""
    found: Studio = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture
def read(studio: Studio, request: pytest.FixtureRequest) -> Read:
    """The bytes under a key, from the storage itself and not through the product."""
    if "AWS_STORAGE_BUCKET_NAME" not in studio.env:
        return lambda key: (studio.var / "media" / key).read_bytes()
    server: servers.S3 = request.getfixturevalue("s3_server")
    client = boto3.client(
        "s3", endpoint_url=server.endpoint, aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key, region_name="us-east-1",
    )  # fmt: skip
    return lambda key: client.get_object(Bucket=server.bucket, Key=key)["Body"].read()


def test_midjourney_gives_four_images_and_their_sheet_for_four_credits(studio, read):
    before = balance(studio)

    done = generate(studio, model="midjourney", prompt=CITY)

    assert (done["status"], done["credits"], done["error"]) == ("SUCCEEDED", 4, None)
    panels = [asset for asset in done["assets"] if asset["kind"] == "panel"]
    sheets = [asset for asset in done["assets"] if asset["kind"] == "sheet"]
    assert [panel["position"] for panel in panels] == [0, 1, 2, 3]
    assert len(sheets) == 1
    for panel in panels:
        assert panel["width"] / panel["height"] == pytest.approx(16 / 9, rel=0.01)
    assert len({panel["sha256"] for panel in panels}) == 4
    assert_stored(done, read)
    assert balance(studio) == before - 4


def test_flux_schnell_gives_one_image_for_one_credit(studio, read):
    before = balance(studio)

    done = generate(studio, model="flux-schnell", prompt="a lighthouse in a storm")

    assert (done["status"], done["credits"]) == ("SUCCEEDED", 1)
    assert [asset["kind"] for asset in done["assets"]] == ["single"]
    assert_stored(done, read)
    assert balance(studio) == before - 1


def test_a_prompt_that_would_move_the_bill_is_refused_before_any_hold(studio):
    before = balance(studio)

    refused = studio.manage(
        "generate", studio.login[0], "--model", "midjourney", "--prompt", "an elk --repeat 4"
    )

    assert refused.returncode == 1
    assert "--repeat would order several times over" in refused.stderr
    assert balance(studio) == before


def test_every_invariant_holds(studio):
    assert studio.manage("invariants").stdout.strip() == "No faults."


def generate(studio: Studio, *, model: str, prompt: str) -> Any:
    return studio.ask(
        "generate", studio.login[0], "--model", model, "--prompt", prompt, "--wait", "60"
    )


def balance(studio: Studio) -> int:
    now = studio.ask("credits", "balance", studio.login[0])
    assert now["held"] == 0
    return int(now["balance"])


def assert_stored(done: Any, read: Read) -> None:
    for asset in done["assets"]:
        content = read(asset["key"])
        assert hashlib.sha256(content).hexdigest() == asset["sha256"]
        assert len(content) == asset["bytes"]
