"""Paint the sandbox's pictures: the same words, seed and panel always give the same PNG."""

import io
import re
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from generations.sandbox.brush import Canvas, Field, generator
from generations.sandbox.palettes import brief
from generations.sandbox.scenes import SCENES

MARK = "sandbox"
SIDE_PIXELS_MAX = 2048
SIDE_PIXELS_MIN = 64
RATIO_FLAG = re.compile(r"--(?:ar|aspect)\s+(\d{1,4}):(\d{1,4})")
LONG_SIDE_TAG = re.compile(r"\[(\d{2,4})px\]", re.IGNORECASE)

# The sizes the providers deliver at their usual ratios; any other is worked out from one megapixel.
GRID_PANEL_SIZES = {(1, 1): (1024, 1024), (16, 9): (1456, 816), (9, 16): (816, 1456)}


def paint(prompt: str, *, seed: str, width: int, height: int, panel: int = 0) -> bytes:
    """One picture as PNG. Panels of the same prompt and seed are siblings."""
    task = brief(prompt, seed=seed, panel=panel)
    canvas = Canvas.blank(width, height)
    SCENES[task.scene](canvas, task)
    picture = Image.fromarray(_developed(canvas.pixels, seed=f"{prompt}{seed}{panel}"))
    _mark(picture)
    return _png(picture)


def sheet(panels: Sequence[bytes], *, width: int, height: int) -> bytes:
    """A true two by two grid of four pictures, in reading order."""
    grid = Image.new("RGB", (width, height))
    half_width, half_height = width // 2, height // 2
    for position, panel in enumerate(panels):
        with Image.open(io.BytesIO(panel)) as picture:
            small = picture.resize((half_width, half_height), Image.Resampling.LANCZOS)
        grid.paste(small, (position % 2 * half_width, position // 2 * half_height))
    return _png(grid)


def size(prompt: str, *, aspect_ratio: str, is_grid: bool) -> tuple[int, int]:
    """Width and height in pixels. The prompt's own --ar wins over the field, as on the wire."""
    across, down = _ratio(prompt, aspect_ratio)
    long_side = LONG_SIDE_TAG.search(prompt)
    if long_side:
        return _scaled(across, down, longest=int(long_side[1]), multiple=2)
    if is_grid and (across, down) in GRID_PANEL_SIZES:
        return GRID_PANEL_SIZES[across, down]
    longest = round(1024 * (max(across, down) / min(across, down)) ** 0.5)
    return _scaled(across, down, longest=longest, multiple=16)


def _ratio(prompt: str, aspect_ratio: str) -> tuple[int, int]:
    flags = RATIO_FLAG.findall(prompt)
    field = re.fullmatch(r"(\d{1,4}):(\d{1,4})", aspect_ratio)
    across, down = flags[-1] if flags else field.groups() if field else ("1", "1")
    return max(1, int(across)), max(1, int(down))


def _scaled(across: int, down: int, *, longest: int, multiple: int) -> tuple[int, int]:
    longest = max(SIDE_PIXELS_MIN, min(SIDE_PIXELS_MAX, longest))
    scale = longest / max(across, down)

    def fitted(side: int) -> int:
        return max(SIDE_PIXELS_MIN, round(side * scale / multiple) * multiple)

    return fitted(across), fitted(down)


def _developed(pixels: Field, *, seed: str) -> Field:
    """Contrast, darker corners and grain, so that gradients show no bands."""
    height, width = pixels.shape[:2]
    picture = np.clip(pixels, 0, 1)
    picture = picture + (picture * picture * (3 - 2 * picture) - picture) * np.float32(0.22)
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    away = down**2 + across**2
    corners = 1 - np.float32(0.08) * away * np.sqrt(away)
    grain = generator(seed, "grain").standard_normal((height, width), dtype=np.float32)
    picture *= corners[..., None]
    picture += (grain * np.float32(0.009))[..., None]
    return np.asarray(np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8))


def _mark(picture: Image.Image) -> None:
    """A small word in the corner, so that nobody takes a sandbox picture for a real one."""
    unit = max(9, round(min(picture.size) / 52))
    font = ImageFont.load_default(unit)
    draw = ImageDraw.Draw(picture, "RGBA")
    box = draw.textbbox((0, 0), MARK, font=font)
    x, y = picture.width - box[2] - unit, picture.height - box[3] - unit
    draw.text((x + 1, y + 1), MARK, font=font, fill=(0, 0, 0, 90))
    draw.text((x, y), MARK, font=font, fill=(255, 255, 255, 150))


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
