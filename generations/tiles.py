"""The pictures of a generation, and the frames where they will be, ready for a template."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.urls import reverse

from generations import prompts, queries
from generations.models import Asset, AssetKind, Generation
from generations.pictures import RENDITION_SIDES
from generations.thumbs import thumb_url

FRAME_SIDE = max(RENDITION_SIDES)
DEFAULT_RATIO = (1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One picture, or the empty frame where it will be. `width` and `height` are its own pixels.

    `number` counts from 1 within a grid, and is 0 for a picture that stands alone.
    """

    number: int
    width: int
    height: int
    alt: str
    url: str = ""
    preview_url: str = ""
    srcset: str = ""
    download_url: str = ""
    blur: str = ""
    is_ready: bool = False
    asset_id: UUID | None = None


def tiles(generation: Generation) -> list[Tile]:
    """The pictures we keep, and a frame for each that is still expected or was never delivered."""
    kept = {a.position: a for a in generation.assets.all() if a.kind in queries.PICTURES}
    if not generation.is_open and not kept:
        return []
    return [
        picture(generation, kept[position]) if position in kept else _frame(generation, position)
        for position in range(generation.images_expected)
    ]


def picture(generation: Generation, asset: Asset) -> Tile:
    small, preview = (thumb_url(asset.public_id, side) for side in RENDITION_SIDES)
    return Tile(
        number=_number(generation, asset.position),
        width=asset.width,
        height=asset.height,
        alt=_alt(generation, asset.position),
        url=reverse("image", args=[generation.public_id, asset.position + 1]),
        preview_url=preview,
        srcset=_srcset(asset, small, preview),
        download_url=reverse("download", args=[asset.public_id]),
        blur=f"data:image/webp;base64,{asset.blur}",
        is_ready=True,
        asset_id=asset.public_id,
    )


def large(tile: Tile) -> Tile:
    """For the one page that shows it large: a wide or dense screen may take the original."""
    if max(tile.width, tile.height) <= max(RENDITION_SIDES):
        return tile
    original = reverse("original", args=[tile.asset_id])
    return replace(tile, srcset=f"{tile.srcset}, {original} {tile.width}w")


def sheet_of(generation: Generation) -> Asset | None:
    return next((a for a in generation.assets.all() if a.kind == AssetKind.SHEET), None)


def caption(generation: Generation) -> str:
    """The prompt without what the chips say."""
    return prompts.without_ratio(generation.prompt) or generation.prompt


def _frame(generation: Generation, position: int) -> Tile:
    width, height = _ratio(generation)
    longest = max(width, height)
    return Tile(
        number=_number(generation, position),
        width=round(FRAME_SIDE * width / longest),
        height=round(FRAME_SIDE * height / longest),
        alt=_alt(generation, position),
    )


def _number(generation: Generation, position: int) -> int:
    return position + 1 if generation.images_expected > 1 else 0


def _srcset(asset: Asset, small: str, preview: str) -> str:
    """Renditions are made by their long side, never enlarged; a browser chooses by width."""
    longest = max(asset.width, asset.height)
    widths = [round(asset.width * min(side, longest) / longest) for side in RENDITION_SIDES]
    return f"{small} {widths[0]}w, {preview} {widths[1]}w"


def _ratio(generation: Generation) -> tuple[int, int]:
    width, _, height = str(generation.parameters.get("aspect_ratio", "")).partition(":")
    if width.isdigit() and height.isdigit() and int(width) and int(height):
        return int(width), int(height)
    return DEFAULT_RATIO


def _alt(generation: Generation, position: int) -> str:
    words = caption(generation)
    if generation.images_expected == 1:
        return words
    return f"{words}, image {position + 1} of {generation.images_expected}"
