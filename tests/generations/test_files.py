"""Pictures as they reach people: thumbnails by token, originals by session, copies with a story."""

import asyncio
import hashlib
import io
import json
import re
import struct
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.db import connections
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from accounts.models import User
from accounts.viewer import Viewer
from generations import thumbs
from generations.embed import embed, parameters_line
from generations.models import Asset, Generation
from generations.views.files import filename
from tests.generations import world

TALE = "a cat <b>& dog</b> \u2014 \u732b --ar 16:9"
STORY = {"model": "Midjourney", "aspect_ratio": "16:9", "seed": "42"}


@pytest.fixture
def row(rich: Viewer) -> Generation:
    row = world.ready(rich, model="midjourney")
    world.change(row, prompt=TALE, seed="42")
    return world.fresh(row)


@pytest.fixture
def asset(row: Generation) -> Asset:
    return row.assets.get(position=0)


def body(response: Any) -> bytes:
    content: bytes = response.getvalue()
    return content


def status(client: Client, url: str) -> int:
    response = client.get(url)
    body(response)
    return response.status_code


# --- Thumbnails --------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [320, 960])
def test_a_fresh_token_needs_nobody_logged_in(visitor: Client, asset: Asset, side: int):
    response = visitor.get(thumbs.thumb_url(asset.public_id, side))

    assert (response.status_code, response["Content-Type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(body(response))).format == "WEBP"
    assert response["Cache-Control"] == f"private, max-age={thumbs.WINDOW_SECONDS}"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


def test_a_token_dies_within_five_minutes(visitor: Client, asset: Asset):
    url, now = thumbs.thumb_url(asset.public_id, 320), timezone.now()

    with time_machine.travel(now + timedelta(seconds=thumbs.WINDOW_SECONDS - 1), tick=False):
        still = status(visitor, url)
    with time_machine.travel(now + timedelta(seconds=300), tick=False):
        dead = status(visitor, url)

    assert (still, dead) == (200, 404)


def test_a_page_left_open_keeps_its_pictures(client: Client, asset: Asset):
    url = thumbs.thumb_url(asset.public_id, 320)

    with time_machine.travel(timezone.now() + timedelta(hours=5), tick=False):
        answer = status(client, url)

    assert answer == 200


def test_a_page_keeps_its_addresses_within_the_window(asset: Asset):
    with time_machine.travel(0, tick=False) as clock:
        first = thumbs.thumb_url(asset.public_id, 320)
        clock.shift(thumbs.WINDOW_SECONDS - 1)
        same = thumbs.thumb_url(asset.public_id, 320)
        clock.shift(1)
        other = thumbs.thumb_url(asset.public_id, 320)

    assert first == same != other


@pytest.mark.parametrize("side", [0, 319, 321, 5000, 10**30])
def test_only_the_renditions_there_are_can_be_asked_for(client: Client, asset: Asset, side: int):
    url = thumbs.thumb_url(asset.public_id, 320).replace("320.webp", f"{side}.webp")

    assert client.get(url).status_code == 404


@pytest.mark.parametrize("token", ["", "x", "\u00e9", "a" * 5000, "%00"])
def test_a_made_up_token_is_no_token(visitor: Client, asset: Asset, token: str):
    assert visitor.get(f"/files/t/{token}/{asset.public_id}/320.webp").status_code == 404
    assert not thumbs.is_fresh(token, asset.public_id)


def test_a_rendition_that_is_gone_is_not_found(client: Client, asset: Asset):
    default_storage.delete(asset.rendition_key(320))

    assert client.get(thumbs.thumb_url(asset.public_id, 320)).status_code == 404


# --- Originals and copies ----------------------------------------------------------------------


def test_the_original_comes_as_it_was_stored(client: Client, asset: Asset):
    response = client.get(reverse("original", args=[asset.public_id]))

    with default_storage.open(asset.key) as stored:
        assert body(response) == stored.read()
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_browser_that_has_the_original_is_told_so_each_time(
    client: Client, visitor: Client, asset: Asset
):
    url = reverse("original", args=[asset.public_id])
    first = client.get(url)
    known = {"if-none-match": first["ETag"]}
    assert hashlib.sha256(body(first)).hexdigest() == asset.sha256

    again = client.get(url, headers=known)

    assert (again.status_code, again.content) == (304, b"")
    assert "private" in again["Cache-Control"]
    assert "no-cache" in again["Cache-Control"]
    assert visitor.get(url, headers=known).status_code == 302


@pytest.mark.parametrize("name", ["original", "download"])
def test_a_picture_whose_object_is_gone_is_not_found(client: Client, asset: Asset, name: str):
    default_storage.delete(asset.key)

    assert client.get(reverse(name, args=[asset.public_id])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_original_comes_in_chunks_on_an_event_loop(user: User, asset: Asset):
    async def fetch() -> bytes:
        client = AsyncClient()
        await client.aforce_login(user)
        response: Any = await client.get(reverse("original", args=[asset.public_id]))
        whole = b"".join([chunk async for chunk in response.streaming_content])
        await sync_to_async(connections.close_all)()
        return whole

    assert hashlib.sha256(asyncio.run(fetch())).hexdigest() == asset.sha256


def test_the_copy_tells_its_story_and_no_secrets(client: Client, asset: Asset, row: Generation):
    attempt = world.make_attempt(row, world.account("http://127.0.0.1:9"), holds_place=False)
    response = client.get(reverse("download", args=[asset.public_id]))

    copy = body(response)
    told = Image.open(io.BytesIO(copy)).info
    assert told["parameters"] == f"{TALE}\nmodel: Midjourney, aspect_ratio: 1:1, seed: 42"
    assert json.loads(told["imagestudio"])["prompt"] == TALE
    secrets = [str(row.public_id), row.public_id.hex, asset.public_id.hex, asset.key,
               attempt.remote_id, attempt.public_id.hex, "japi_", "http", "@example"]  # fmt: skip
    assert [s for s in secrets if s.encode() in copy] == []
    assert "no-store" in response["Cache-Control"]
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Content-Disposition"].startswith("attachment; filename=")


def test_a_file_s_name_says_what_it_is(asset: Asset):
    name = filename(asset)

    assert re.fullmatch(r"\d{4}-\d\d-\d\d_midjourney_a-cat-b-dog-b_1\.png", name)


@pytest.mark.parametrize("prompt", ["../../etc/passwd", 'a"; rm -rf', "\u732b", "..", "a\r\nb: c"])
def test_a_prompt_never_becomes_a_path_or_a_header(asset: Asset, prompt: str):
    asset.generation.prompt = prompt

    assert re.fullmatch(r"[A-Za-z0-9_.-]+", filename(asset))
    assert ".." not in filename(asset)


FORMS = [
    ("PNG", "RGB", {}), ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "1", {}),
    ("JPEG", "RGB", {}), ("JPEG", "L", {}), ("JPEG", "RGB", {"progressive": True}),
    ("WEBP", "RGB", {}), ("WEBP", "RGBA", {}), ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"lossless": True}), ("WEBP", "RGB", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
]  # fmt: skip


@pytest.mark.parametrize(("form", "mode", "save"), FORMS)
def test_a_story_changes_no_pixel(form: str, mode: str, save: dict[str, object]):
    plain = world.picture(form, mode=mode, size=(49, 33), **save)

    told = embed(plain, content_type=f"image/{form.lower()}", prompt=TALE, settings=STORY)

    before, after = Image.open(io.BytesIO(plain)), Image.open(io.BytesIO(told))
    assert after.format == form
    assert (after.mode, after.size) == (before.mode, before.size)
    assert after.tobytes() == before.tobytes()
    assert told != plain


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_a_story_is_read_back_as_xmp(form: str):
    plain = world.picture(form)

    told = embed(plain, content_type=f"image/{form.lower()}", prompt=TALE, settings=STORY)

    xmp = Image.open(io.BytesIO(told)).info["xmp"].decode()
    assert "a cat &lt;b&gt;&amp; dog&lt;/b&gt; \u2014 \u732b" in xmp
    assert "seed: 42" in xmp


def test_a_webp_s_length_is_the_one_it_says():
    told = embed(world.picture("WEBP"), content_type="image/webp", prompt="odd", settings={})

    assert struct.unpack("<I", told[4:8])[0] == len(told) - 8
    assert len(told) % 2 == 0


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\xff", b"RIFF"])
def test_what_has_no_place_for_a_story_stays_as_it_is(content: bytes):
    for kind in ("png", "jpeg", "webp", "gif"):
        assert embed(content, content_type=f"image/{kind}", prompt="x", settings={}) == content


def test_a_story_too_long_for_a_jpeg_is_left_out():
    plain = world.picture("JPEG")

    assert embed(plain, content_type="image/jpeg", prompt="x" * 70_000, settings={}) == plain


@given(prompt=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_any_prompt_can_be_told_and_read_back(prompt: str):
    told = embed(world.picture("PNG"), content_type="image/png", prompt=prompt, settings=STORY)

    image = Image.open(io.BytesIO(told))
    assert image.info["parameters"] == parameters_line(prompt, STORY)
    image.load()


def test_settings_that_are_empty_are_not_told():
    assert parameters_line("a cat", {"seed": "", "steps": 4}) == "a cat\nsteps: 4"
    assert parameters_line("a cat", {}) == "a cat"
