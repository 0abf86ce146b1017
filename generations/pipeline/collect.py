"""Fetch each finished image, look into it, store it, and write it down, in this order."""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import IO, BinaryIO, cast

from django.db import transaction
from django.utils import timezone

from generations import keeping, pictures
from generations.models import Asset, AssetKind, Attempt, AttemptState, Generation
from generations.pipeline import settle
from generations.pipeline.desk import Desk
from generations.pipeline.lifecycle import Claim, let_go, write
from imagestudio.lib import http
from imagestudio.lib.killpoints import reached

logger = logging.getLogger(__name__)

IMAGE_BYTES_MAX = 50 * 1024 * 1024
DOWNLOAD_SECONDS = 60
# An image that is broken, missing or no image at all stays so; it is asked for this often.
TRIES_MAX = 4
TRY_AGAIN_SECONDS = 2
# A storage or a network that is down comes back; results stay at the provider for 14 days.
PATIENCE = timedelta(days=13)
PATIENT_SECONDS_MAX = 300


class Outcome(Enum):
    KEPT = "kept"
    BROKEN = "broken"  # the provider's answer is no image: only the provider can mend that
    DELAYED = "delayed"  # our storage or the way there failed: wait as long as it takes


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image that the provider has and we do not."""

    kind: AssetKind
    position: int
    url: str


@dataclass(frozen=True, slots=True)
class Work:
    generation: Generation
    attempt: Attempt
    wanted: Sequence[Wanted]


async def collect(desk: Desk, claim: Claim) -> None:
    """Store what is not stored yet, then settle; or plan another try."""
    work = await desk.db(_work, claim)
    outcomes = await asyncio.gather(
        *(_fetch_one(desk, claim, work, wanted) for wanted in work.wanted)
    )
    await desk.db(_conclude, claim, work, list(outcomes))


async def _fetch_one(desk: Desk, claim: Claim, work: Work, wanted: Wanted) -> Outcome:
    async with desk.downloads(work.attempt.account):
        try:
            return await _bring(desk, claim, work, wanted)
        except (http.Blocked, http.TooLarge, http.BrokenOff, pictures.NotAPicture) as error:
            _report(work, wanted, error)
            return Outcome.BROKEN
        except (http.NotSent, http.Lost, keeping.NotKept, OSError) as error:
            _report(work, wanted, error)
            return Outcome.DELAYED


async def _bring(desk: Desk, claim: Claim, work: Work, wanted: Wanted) -> Outcome:
    # A named file: the decoder runs in a process of its own.
    with tempfile.NamedTemporaryFile(prefix="imagestudio-") as file:
        found = await desk.way_to(work.attempt.account).download(
            wanted.url,
            into=cast(BinaryIO, file),
            bytes_max=IMAGE_BYTES_MAX,
            timeout_seconds=DOWNLOAD_SECONDS,
        )
        reached("collect.downloaded")
        if found.status != 200:
            return Outcome.DELAYED if found.status >= 500 or found.status == 429 else Outcome.BROKEN
        file.flush()
        facts = await desk.pictures.look(file.name)
        asset = _asset(work, wanted, found, facts)
        await desk.io(_store, asset, file, facts)
        reached("collect.stored")
        await desk.db(_record, claim, asset)
        reached("collect.recorded")
    return Outcome.KEPT


def _asset(work: Work, wanted: Wanted, found: http.Download, facts: pictures.Facts) -> Asset:
    return Asset(
        generation=work.generation,
        kind=wanted.kind,
        position=wanted.position,
        key=keeping.key_for(
            work.generation, kind=wanted.kind, position=wanted.position, extension=facts.extension
        ),
        content_type=facts.content_type,
        size_bytes=found.size_bytes,
        width=facts.width,
        height=facts.height,
        sha256=found.sha256,
        crc32=found.crc32,
        perceptual_hash=facts.perceptual_hash,
        dominant_colour=facts.dominant_colour,
        blur=facts.blur,
        provider_expires_at=_expiry(work.attempt),
        created_at=_place_in_time(work.generation, wanted.position),
    )


def _store(asset: Asset, file: IO[bytes], facts: pictures.Facts) -> None:
    for side, webp in facts.renditions.items():
        keeping.keep_bytes(asset.rendition_key(side), webp)
    file.seek(0)
    keeping.keep(asset.key, file, sha256=asset.sha256)


def _record(claim: Claim, asset: Asset) -> None:
    with transaction.atomic(durable=True):
        # The claim is looked at in the same transaction: a worker that lost it writes no row.
        write(claim)
        asset.save(force_insert=True)


def _work(claim: Claim) -> Work:
    generation = Generation.objects.get(pk=claim.id)
    attempt = (
        Attempt.objects.select_related("account")
        .filter(generation=generation, state=AttemptState.ACCEPTED, outcome="finished")
        .latest("number")
    )
    stored = set(generation.assets.values_list("kind", "position"))
    panels = attempt.result.get("panels", [])[: generation.images_expected]
    kind = AssetKind.SINGLE if generation.images_expected == 1 else AssetKind.PANEL
    wanted = [Wanted(kind, position, url) for position, url in enumerate(panels)]
    if attempt.result.get("sheet"):
        wanted.append(Wanted(AssetKind.SHEET, 0, attempt.result["sheet"]))
    missing = [w for w in wanted if (w.kind.value, w.position) not in stored]
    return Work(generation, attempt, missing)


def _conclude(claim: Claim, work: Work, outcomes: list[Outcome]) -> None:
    generation = work.generation
    now = timezone.now()
    waited = now - (generation.rendered_at or now)
    if Outcome.DELAYED in outcomes and waited < PATIENCE:
        # Ever more rarely. A delay uses up no try: those are for images that came and were broken.
        seconds = min(max(waited.total_seconds() / 4, TRY_AGAIN_SECONDS), PATIENT_SECONDS_MAX)
        let_go(claim, due_at=now + timedelta(seconds=seconds))
        return
    tries = generation.collect_tries + 1
    if Outcome.BROKEN in outcomes and tries < TRIES_MAX:
        due_at = now + timedelta(seconds=TRY_AGAIN_SECONDS * 2**generation.collect_tries)
        let_go(claim, due_at=due_at, collect_tries=tries)
        return
    settle.succeed(claim)


def _place_in_time(generation: Generation, position: int) -> datetime:
    """The order's own time: a gallery, newest first, shows a sheet together and in order."""
    return generation.created_at - timedelta(microseconds=position)


def _expiry(attempt: Attempt) -> datetime:
    """When the provider's own copy goes: JourneyAPI keeps results for 14 days."""
    return (attempt.finished_at or timezone.now()) + timedelta(days=14)


def _report(work: Work, wanted: Wanted, error: Exception) -> None:
    logger.warning(
        "image not kept",
        extra={
            "generation": work.generation.public_id,
            "kind": wanted.kind.value,
            "position": wanted.position,
            "error": type(error).__name__,
        },
    )
