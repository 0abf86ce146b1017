"""What the page of one generation says: asked and got, the timeline, the ledger, the downloads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.urls import reverse

from accounts.billing.queries import Line
from generations import wording
from generations.catalog.spec import UnknownModel, find
from generations.models import Asset, Attempt, Generation, Status
from generations.tiles import Tile, sheet_of
from generations.timing import typical_seconds


@dataclass(frozen=True, slots=True)
class Moment:
    """`state` is "done", "now" or "bad"."""

    label: str
    at: datetime | None
    note: str
    state: str


class Comparison(NamedTuple):
    label: str
    asked: str
    got: str
    differs: bool


def page(generation: Generation, tile: Tile | None, *, lines: Sequence[Line]) -> dict[str, Any]:
    asset = _asset(generation, tile)
    attempt = generation.attempts.select_related("account").order_by("-number").first()
    return {
        "prompt": generation.prompt,
        "facts": _facts(generation, asset, attempt),
        "asked": _asked(generation, asset),
        "timeline": _timeline(generation, attempt),
        "ledger": lines,
        "downloads": _downloads(generation, asset),
    }


def _asset(generation: Generation, tile: Tile | None) -> Asset | None:
    if tile is None:
        return None
    return next((a for a in generation.assets.all() if a.public_id == tile.asset_id), None)


def _facts(
    generation: Generation, asset: Asset | None, attempt: Attempt | None
) -> list[tuple[str, str]]:
    facts = [("Model", generation.model_name)]
    if attempt is not None:
        facts.append(("Provider", attempt.account.name))
    if asset is not None:
        facts.append(("Size", f"{asset.width} \u00d7 {asset.height}"))
        kind = asset.content_type.partition("/")[2].upper()
        facts.append(("File", f"{kind}, {asset.size_bytes / 1_000_000:.1f} MB"))
        facts.append(("SHA-256", f"{asset.sha256[:12]}\u2026"))
    if generation.seed:
        facts.append(("Seed", generation.seed))
    return facts


def _asked(generation: Generation, asset: Asset | None) -> list[Comparison]:
    rows = [_images(generation)] if not generation.is_open else []
    ratio = str(generation.parameters.get("aspect_ratio", ""))
    if ratio and asset is not None:
        rows.append(_ratio(ratio, asset))
    wanted = generation.parameters.get("output_format")
    if wanted and asset is not None:
        got = asset.key.rpartition(".")[2]
        rows.append(Comparison("File format", wanted.upper(), got.upper(), wanted != got))
    if generation.status == Status.SUCCEEDED:
        paid = generation.captured_credits
        asked = generation.price_credits
        rows.append(
            Comparison("Price", wording.credits(asked), wording.credits(paid), paid != asked)
        )
    return rows


def _images(generation: Generation) -> Comparison:
    sheet = sheet_of(generation)
    got = len(generation.assets.all()) - (1 if sheet else 0)
    expected = generation.images_expected
    return Comparison("Images", str(expected), str(got), got != expected)


def _ratio(asked: str, asset: Asset) -> Comparison:
    width, height = (int(side) for side in asked.split(":"))
    actual = asset.width / asset.height
    # Providers round to multiples of 8 or 16 pixels; that is still the ratio that was asked for.
    is_close = abs(actual - width / height) / (width / height) < 0.03
    got = asked if is_close else f"{actual:.2f}:1"
    return Comparison("Ratio", asked, got, not is_close)


def _timeline(generation: Generation, attempt: Attempt | None) -> list[Moment]:
    held = f"{wording.credits(generation.price_credits)} held"
    moments = [Moment("Submitted", generation.created_at, held, "done")]
    if generation.sent_at and attempt is not None:
        moments.append(Moment("Sent", generation.sent_at, f"to {attempt.account.name}", "done"))
    if generation.accepted_at:
        moments.append(Moment("Accepted", generation.accepted_at, "", "done"))
    if generation.rendered_at:
        moments.append(Moment("Rendered", generation.rendered_at, "", "done"))
    moments.append(_last(generation))
    return moments


def _last(generation: Generation) -> Moment:
    price = wording.credits(generation.price_credits)
    if generation.delivered_free_at:
        return Moment("Safe", generation.delivered_free_at, "came late, so it is free", "done")
    if generation.status == Status.SUCCEEDED:
        spent = f"{wording.credits(generation.captured_credits)} spent"
        return Moment("Safe in your library", generation.settled_at, spent, "done")
    if generation.status == Status.FAILED:
        return Moment("Returned", generation.settled_at, f"{price} returned", "bad")
    if generation.status == Status.CANCELED:
        return Moment("Cancelled", generation.settled_at, f"{price} returned", "done")
    return Moment("In progress", None, _expected(generation), "now")


def _expected(generation: Generation) -> str:
    try:
        return f"usually {typical_seconds(find(generation.model))} s"
    except UnknownModel:
        return ""


def _downloads(generation: Generation, asset: Asset | None) -> list[tuple[str, str]]:
    if asset is None:
        return []
    downloads = [
        ("Download with prompt", reverse("download", args=[asset.public_id])),
        ("Original file", reverse("original", args=[asset.public_id])),
    ]
    sheet = sheet_of(generation)
    if sheet is not None:
        downloads.append(("Sheet of four", reverse("original", args=[sheet.public_id])))
    return downloads
