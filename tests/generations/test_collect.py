"""Each finished image is fetched, looked into, stored and written down, or honestly missed."""

import asyncio
import base64
import hashlib
import io
import re
import socket
import struct
import zlib
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from accounts.viewer import Viewer
from generations import keeping
from generations.invariants import faults
from generations.models import Asset, Attempt, Generation, ProviderAccount, Status
from generations.pictures import RENDITION_SIDES, NotAPicture, Pictures, look
from generations.pipeline import collect as collecting
from generations.pipeline import receive
from generations.pipeline.desk import Desk
from generations.pipeline.lifecycle import Claim, LeaseLost, claim
from tests.generations import world
from tests.generations.driving import at_desk, crash, step, time_passes, work
from tests.generations.scripted import FETCH, Reply, Scripted, errs, file
from tests.lib.peers import INSIDE
from tests.upstream import png

GOOD = png(60, 40)
PANELS = ["/0.png", "/1.png", "/2.png", "/3.png"]


def rendered(
    viewer: Viewer, at: ProviderAccount, scripted: Scripted, *answers: Reply, model: str = ""
) -> Generation:
    """An order that the provider has finished; each image answers as given."""
    row = world.under_way(viewer, at, model=model or "flux-schnell")
    remote_id = world.attempt_of(row).remote_id
    paths = PANELS[: len(answers)]
    for path, answer in zip(paths, answers, strict=True):
        scripted.on(path, answer)
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=paths))
    return row


def bomb() -> bytes:
    """A small file that claims a picture of 2.5 thousand million pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100_000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NO_PICTURES = {
    "html": b"<!doctype html><title>not found</title>",
    "svg": SVG,
    "nothing": b"",
    "noise": hashlib.sha256(b"seed").digest() * 100,
    "truncated png": GOOD[: len(GOOD) // 2],
    "png without an end": GOOD[:-20],
    "flipped bit": GOOD[:120] + bytes([GOOD[120] ^ 1]) + GOOD[121:],
    "signature alone": b"\x89PNG\r\n\x1a\n",
    "bomb": bomb(),
    "gif": world.picture("GIF", mode="L"),
    "tiff": world.picture("TIFF"),
    "bmp": world.picture("BMP"),
    "pdf": b"%PDF-1.7 1 0 obj",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "truncated jpeg": world.picture("JPEG", size=(400, 400))[:-400],
    "truncated webp": world.picture("WEBP", size=(400, 400))[:-200],
}


# --- Kept --------------------------------------------------------------------------------------


def test_the_stored_bytes_are_the_provider_s_bytes(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = rendered(rich, odd, scripted, file(GOOD))

    work(row)

    asset = world.fresh(row).assets.get()
    with default_storage.open(asset.key) as stored:
        assert stored.read() == GOOD
    assert asset.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert (asset.crc32, asset.size_bytes) == (zlib.crc32(GOOD), len(GOOD))
    assert (asset.width, asset.height, asset.content_type) == (60, 40, "image/png")
    assert (asset.kind, asset.position) == ("single", 0)
    assert len(asset.perceptual_hash) == 16
    assert asset.dominant_colour.startswith("#")
    assert asset.provider_expires_at is not None
    assert faults() == []


def test_each_picture_has_its_renditions(odd: ProviderAccount, scripted: Scripted, rich: Viewer):
    row = rendered(rich, odd, scripted, file(world.picture("PNG", size=(1500, 1000))))

    work(row)

    asset = world.fresh(row).assets.get()
    for side in RENDITION_SIDES:
        with default_storage.open(asset.rendition_key(side)) as stored:
            image = Image.open(io.BytesIO(stored.read()))
            assert (image.format, max(image.size)) == ("WEBP", side)
    blur = Image.open(io.BytesIO(base64.b64decode(asset.blur)))
    assert (blur.format, max(blur.size)) == ("WEBP", 20)


@pytest.mark.parametrize(
    ("form", "mode", "extension"),
    [
        ("PNG", "RGBA", "png"), ("PNG", "L", "png"), ("PNG", "P", "png"), ("JPEG", "RGB", "jpg"),
        ("JPEG", "CMYK", "jpg"), ("WEBP", "RGB", "webp"), ("WEBP", "RGBA", "webp"),
    ],
)  # fmt: skip
def test_what_it_is_comes_from_the_bytes_not_from_the_name(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, form: str, mode: str, extension: str
):
    row = rendered(rich, odd, scripted, file(world.picture(form, mode=mode), "text/html"))

    work(row)

    asset = world.fresh(row).assets.get()
    assert asset.content_type == f"image/{form.lower()}"
    assert asset.key.endswith(f".{extension}")


def test_keys_cannot_be_guessed(rich: Viewer):
    first, second = world.orders(rich, count=2)

    keys = [world.keep(row, 0).key for row in (first, second)]

    secrets = {re.fullmatch(r".+/single-0-([\w-]{24})\.png", key) for key in keys}
    assert None not in secrets
    assert len({found[1] for found in secrets if found}) == 2


# --- In part -----------------------------------------------------------------------------------


@pytest.mark.parametrize("good", [1, 2, 3])
def test_a_grid_in_part_is_kept_and_charged_in_part(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, good: int
):
    answers = [file(png(30, 20, shade=n)) if n < good else errs(404) for n in range(4)]
    row = rendered(rich, odd, scripted, *answers, model="midjourney")

    work(row)

    found = world.fresh(row)
    assert (found.status, found.captured_credits) == (Status.SUCCEEDED, good)
    assert list(found.assets.values_list("position", flat=True)) == list(range(good))
    assert world.sums(rich) == (100 - good, 0)
    assert faults() == []


def test_the_sheet_counts_for_nothing(odd: ProviderAccount, scripted: Scripted, rich: Viewer):
    row = world.under_way(rich, odd, model="midjourney")
    remote_id = world.attempt_of(row).remote_id
    scripted.on("/sheet.png", file(GOOD))
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=PANELS, sheet="/sheet.png"))

    work(row)

    found = world.fresh(row)
    assert (found.status, found.error_code) == (Status.FAILED, "images_lost")
    assert world.sums(rich) == (100, 0)


def test_more_images_than_were_ordered_are_not_kept(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    answers = [file(png(30, 20, shade=n)) for n in range(4)]
    row = rendered(rich, odd, scripted, *answers)

    work(row)

    assert world.fresh(row).assets.count() == 1
    assert world.fresh(row).captured_credits == 1
    assert faults() == []


# --- Not kept ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NO_PICTURES)
def test_what_is_no_intact_picture_is_refused(tmp_path: Path, kind: str):
    path = tmp_path / "file"
    path.write_bytes(NO_PICTURES[kind])

    with pytest.raises(NotAPicture):
        look(str(path))


@pytest.mark.parametrize("kind", ["html", "svg", "truncated png", "bomb"])
def test_what_is_no_picture_is_asked_for_a_few_times_and_given_back(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, media: Path, kind: str
):
    row = rendered(rich, odd, scripted, file(NO_PICTURES[kind]))

    work(row)

    found = world.fresh(row)
    assert (found.status, found.error_code) == (Status.FAILED, "images_lost")
    assert world.sums(rich) == (100, 0)
    assert len(scripted.asked("/0.png")) == collecting.TRIES_MAX
    assert Asset.objects.count() == 0
    assert not [path for path in media.rglob("*") if path.is_file()]
    assert faults() == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_result_that_is_gone_is_not_waited_for(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, status: int
):
    row = rendered(rich, odd, scripted, errs(status))

    work(row)

    assert world.fresh(row).error_code == "images_lost"
    assert len(scripted.asked("/0.png")) == collecting.TRIES_MAX
    assert faults() == []


@pytest.mark.parametrize(
    "url", [f"http://{INSIDE}:6379/", "http://169.254.169.254/latest", "file:///etc/passwd", "x"]
)
def test_a_result_that_points_inside_is_not_fetched(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, url: str
):
    row = world.under_way(rich, odd)
    remote_id = world.attempt_of(row).remote_id
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=[url]))

    work(row)

    assert world.fresh(row).error_code in {"images_lost", "provider_failed"}
    assert world.sums(rich) == (100, 0)
    assert faults() == []


def test_an_image_that_comes_whole_at_the_second_try_is_kept(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = rendered(rich, odd, scripted, errs(404))
    scripted.on("/0.png", file(GOOD[:50]), file(GOOD))

    work(row)

    assert world.fresh(row).status == Status.SUCCEEDED
    assert world.sums(rich) == (99, 0)
    assert faults() == []


# --- Later -------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [errs(503), errs(429), file(GOOD[:30], is_cut=True)])
def test_a_way_that_fails_for_a_while_is_waited_for(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, answer: Reply
):
    row = rendered(rich, odd, scripted, answer)
    work(row, until=[Status.COLLECTING])
    for _ in range(collecting.TRIES_MAX + 4):
        step(row)
    waiting = world.fresh(row)
    scripted.on("/0.png", file(GOOD))

    work(row)

    assert (waiting.status, waiting.captured_credits) == (Status.COLLECTING, 0)
    assert world.fresh(row).status == Status.SUCCEEDED
    assert world.sums(rich) == (99, 0)
    assert faults() == []


def test_images_that_never_come_keep_no_other_provider_s_waiting(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    scripted.on("/0.png", file(GOOD))
    silent = socket.create_server(("127.0.0.1", 0), backlog=100)
    dead = world.account(f"http://127.0.0.1:{silent.getsockname()[1]}", name="dead")
    stuck = [to_collect(rich, dead) for _ in range(20)]
    row = to_collect(rich, odd)

    async def collect(desk: Desk, pk: int) -> None:
        held = await desk.db(claim, pk, worker=desk.worker)
        assert held is not None
        await collecting.collect(desk, held)

    async def collect_all(desk: Desk) -> None:
        waiting = asyncio.gather(*(collect(desk, one.pk) for one in stuck))
        await asyncio.sleep(0.3)
        await asyncio.wait_for(collect(desk, row.pk), 10)
        assert not waiting.done()
        silent.close()
        await waiting

    at_desk(collect_all)

    assert world.fresh(row).status == Status.SUCCEEDED
    assert {world.fresh(one).status for one in stuck} == {Status.COLLECTING}


def to_collect(viewer: Viewer, at: ProviderAccount) -> Generation:
    """One image, finished at the provider, and not fetched yet."""
    row = world.under_way(viewer, at)
    result = {"panels": [f"{at.base_url}/0.png"], "sheet": ""}
    Attempt.objects.filter(generation=row).update(outcome="finished", result=result)
    now = timezone.now()
    world.change(row, status=Status.COLLECTING, rendered_at=now, due_at=now)
    return row


def test_a_storage_that_fails_for_a_while_loses_nothing(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, media: Path
):
    media.mkdir()
    (media / "images").write_bytes(b"a file where a folder should be")
    row = rendered(rich, odd, scripted, file(GOOD))
    work(row, until=[Status.COLLECTING])
    for _ in range(collecting.TRIES_MAX + 2):
        step(row)
    waiting = (world.fresh(row).status, Asset.objects.count(), world.sums(rich))
    (media / "images").unlink()

    work(row)

    assert waiting == (Status.COLLECTING, 0, (100, 1))
    assert world.fresh(row).status == Status.SUCCEEDED
    assert faults() == []


def test_a_way_that_never_comes_back_is_given_up_in_the_end(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = rendered(rich, odd, scripted, errs(503))
    work(row, until=[Status.COLLECTING])
    world.change(row, rendered_at=world.long_ago(days=14))

    for _ in range(collecting.TRIES_MAX + 1):
        step(row)

    assert world.fresh(row).error_code == "images_lost"
    assert world.sums(rich) == (100, 0)
    assert faults() == []


# --- Crashes -----------------------------------------------------------------------------------


def test_a_worker_that_died_midway_leaves_only_the_rest_to_fetch(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    answers = [file(png(30, 20, shade=n)) for n in range(4)]
    row = rendered(rich, odd, scripted, *answers, model="midjourney")
    crash(row, keep_two)

    work(row)

    found = world.fresh(row)
    assert (found.status, found.assets.count()) == (Status.SUCCEEDED, 4)
    assert [len(scripted.asked(path)) for path in PANELS] == [1, 1, 1, 1]
    assert faults() == []


async def keep_two(desk: Desk, held: Claim) -> None:
    ready = await receive.poll(desk, held)
    assert ready is not None
    whole = await desk.db(collecting._work, ready)
    for wanted in whole.wanted[:2]:
        assert await collecting._bring(desk, ready, whole, wanted) is collecting.Outcome.KEPT


def test_storing_twice_overwrites(rich: Viewer, media: Path):
    row = world.order(rich)
    asset = world.keep(row, 0)
    before = sorted(path for path in media.rglob("*") if path.is_file())

    keeping.keep(asset.key, io.BytesIO(GOOD), sha256=hashlib.sha256(GOOD).hexdigest())

    assert sorted(path for path in media.rglob("*") if path.is_file()) == before
    assert keeping.is_whole(asset.key, sha256=hashlib.sha256(GOOD).hexdigest())


def test_what_the_storage_gives_back_is_compared(rich: Viewer):
    with pytest.raises(keeping.NotKept):
        keeping.keep("images/a.png", io.BytesIO(GOOD), sha256="0" * 64)


def test_a_zombie_writes_no_row_and_charges_nothing(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer
):
    row = rendered(rich, odd, scripted, file(GOOD))

    async def lose_the_lease_midway(desk: Desk, held: Claim) -> None:
        ready = await receive.poll(desk, held)
        assert ready is not None
        await desk.db(world.change, row, fence=held.fence + 1)
        with pytest.raises(LeaseLost):
            await collecting.collect(desk, ready)

    time_passes(row.pk)
    crash(row, lose_the_lease_midway)
    before = (Asset.objects.count(), world.sums(rich))
    work(row)

    assert before == (0, (100, 1))
    assert world.fresh(row).status == Status.SUCCEEDED
    assert faults() == []


def test_a_decoder_that_crashes_costs_a_picture_not_the_worker(
    odd: ProviderAccount, scripted: Scripted, rich: Viewer, tmp_path: Path
):
    pictures = Pictures()
    first = pictures._pool
    path = tmp_path / "good.png"
    path.write_bytes(GOOD)

    async def crash_once(desk: Desk) -> int:
        await desk.pictures.look(str(path))
        for process in list(first._processes.values()):
            process.kill()
            process.join()
        for _ in range(3):
            try:
                return (await desk.pictures.look(str(path))).width
            except NotAPicture:
                continue
        return 0

    width = at_desk(crash_once, pictures=pictures)
    pictures.close()

    assert width == 60
    assert pictures._pool is not first


def test_a_decoder_s_memory_is_bounded(tmp_path: Path):
    path = tmp_path / "large.png"
    path.write_bytes(bomb())
    pictures = Pictures()

    async def decode(desk: Desk) -> str:
        with pytest.raises(NotAPicture) as refused:
            await desk.pictures.look(str(path))
        return str(refused.value)

    reason = at_desk(decode, pictures=pictures)
    pictures.close()

    assert reason != "the decoder gave up on it"
