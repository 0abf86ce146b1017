"""The strokes every scene is made of: noise, gradients, soft light and sharp outlines.

Lengths are in picture heights, so a scene keeps its proportions in any ratio. Soft things are
worked out on a small grid and enlarged: that is what makes a megapixel cost a third of a second.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Masks, colours and pictures, in single precision wherever they are as large as the picture.
Field = NDArray[Any]

SOFT_GRID_ROWS = 256
# Luminance weights (Rec. 709).
LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def generator(*parts: object) -> np.random.Generator:
    """Chance that is the same for the same words, on every machine and in every run."""
    text = "\x1f".join(map(str, parts)).encode("utf-8", "replace")
    digest = hashlib.blake2b(text, digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def rgb(text: str) -> Field:
    """A colour from `#rrggbb`."""
    return np.array([int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)], dtype=np.float32)


def mix(first: Field, second: Field, share: float) -> Field:
    return np.asarray(first + (second - first) * np.float32(share), dtype=np.float32)


def smoothstep(low: float, high: float, value: Field) -> Field:
    share = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def enlarge(field: Field, *, width: int, height: int) -> Field:
    """A small grid blown up smoothly; colours are taken channel by channel."""
    if field.ndim == 3:
        channels = [enlarge(field[..., c], width=width, height=height) for c in range(3)]
        return np.stack(channels, axis=-1)
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def noise(
    chance: np.random.Generator,
    *,
    width: int,
    height: int,
    cells: float,
    octaves: int = 4,
    stretch: float = 1.0,
    gain: float = 0.5,
) -> Field:
    """Clouds from 0 to 1: `cells` features per height, drawn out sideways by `stretch`."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        rows = max(2, round(cells * 2**octave) + 1)
        columns = max(2, round(cells * 2**octave * width / height / stretch) + 1)
        if rows > 2 * height or columns > 2 * width:
            break
        knots = chance.random((rows, columns), dtype=np.float32)
        total += np.float32(gain**octave) * enlarge(knots, width=width, height=height)
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), dtype=np.float32)


def profile(
    chance: np.random.Generator,
    along: Field,
    *,
    cells: float,
    octaves: int = 5,
    gain: float = 0.5,
    ridged: bool = False,
) -> Field:
    """A line of hills from 0 to about 1 over the positions `along`; `ridged` makes sharp crests."""
    total = np.zeros_like(along)
    weight = 0.0
    start, span = float(along.min()), float(along.max() - along.min())
    for octave in range(octaves):
        frequency = cells * 2**octave
        knots = chance.random(int(span * frequency) + 4, dtype=np.float32)
        position = (along - start) * frequency + chance.random(dtype=np.float32)
        index = position.astype(np.int32)
        share = position - index
        share = share * share * (3 - 2 * share)
        value = knots[index] * (1 - share) + knots[index + 1] * share
        if ridged:
            value = 1 - np.abs(2 * value - 1)
        total += np.float32(gain**octave) * value
        weight += gain**octave
    return np.asarray(total / np.float32(weight), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture in the making: rows by columns by red, green and blue, from 0 to 1."""

    pixels: Field

    @classmethod
    def blank(cls, width: int, height: int) -> "Canvas":
        return cls(np.zeros((height, width, 3), dtype=np.float32))

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def aspect(self) -> float:
        return self.width / self.height

    def rows(self) -> Field:
        """How far down each row is, 0 to 1, as a column."""
        return ((np.arange(self.height, dtype=np.float32) + 0.5) / self.height)[:, None]

    def columns(self) -> Field:
        """How far right each column is, in heights, as a row."""
        return ((np.arange(self.width, dtype=np.float32) + 0.5) / self.height)[None, :]

    def soft_grid(self) -> tuple[Field, Field]:
        """The same positions on a small grid, for what has no sharp edge."""
        rows = min(self.height, SOFT_GRID_ROWS)
        columns = max(2, round(rows * self.aspect))
        down = ((np.arange(rows, dtype=np.float32) + 0.5) / rows)[:, None]
        across = ((np.arange(columns, dtype=np.float32) + 0.5) / columns * self.aspect)[None, :]
        return down, across.astype(np.float32)

    def fill(self, soft: Field) -> None:
        self.pixels[:] = enlarge(soft, width=self.width, height=self.height)

    def cover(self, colour: Field, share: Field, *, top: int = 0, left: int = 0) -> None:
        """Lay a colour over a window of the picture, as densely as `share` says."""
        rows, columns = share.shape
        window = self.pixels[top : top + rows, left : left + columns]
        window += (colour - window) * share[..., None]

    def lighten(self, colour: Field, strength: Field, *, top: int = 0, left: int = 0) -> None:
        """Add light the way film does: bright places take less of it."""
        rows, columns = strength.shape
        window = self.pixels[top : top + rows, left : left + columns]
        window += strength[..., None] * colour * (1 - np.clip(window, 0, 1) * np.float32(0.75))

    def glow(self, colour: Field, *, x: float, y: float, radius: float, strength: float) -> None:
        """A soft light with a long tail."""
        down, across = self.soft_grid()
        distance = ((across - x) ** 2 + (down - y) ** 2) / np.float32(radius**2)
        light = np.asarray(np.float32(strength) / (1 + distance) ** 2, dtype=np.float32)
        self.lighten(colour, enlarge(light, width=self.width, height=self.height))

    def spark(self, colour: Field, *, x: float, y: float, radius: float, strength: float) -> None:
        """A small soft light, worked out in its own window."""
        reach = radius * 3
        window = self.window(x - reach, y - reach, x + reach, y + reach)
        if window is None:
            return
        top, left, down, across = window
        distance = ((across - x) ** 2 + (down - y) ** 2) / np.float32(radius**2)
        light = np.exp(-distance) * np.float32(strength)
        self.lighten(colour, light.astype(np.float32), top=top, left=left)

    def disc(self, colour: Field, *, x: float, y: float, radius: float, density: float = 1) -> None:
        """A crisp circle, worked out in its own small window."""
        window = self.window(x - radius, y - radius, x + radius, y + radius)
        if window is None:
            return
        top, left, down, across = window
        distance = np.sqrt((across - x) ** 2 + (down - y) ** 2)
        share = np.clip((np.float32(radius) - distance) * self.height + 0.5, 0, 1)
        self.cover(colour, np.asarray(share * np.float32(density)), top=top, left=left)

    def window(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[int, int, Field, Field] | None:
        """The pixels of a box with their positions, or None when it lies outside."""
        first_row, last_row = _span(top, bottom, self.height, self.height)
        first_column, last_column = _span(left, right, self.height, self.width)
        if first_row >= last_row or first_column >= last_column:
            return None
        down = self.rows()[first_row:last_row]
        return first_row, first_column, down, self.columns()[:, first_column:last_column]

    def land(self, line: Field, near: Field, far: Field, *, depth: float) -> None:
        """Fill below `line` (one height a column), from `near` at the line to `far` beneath it."""
        top = max(0, int(float(line.min()) * self.height) - 1)
        if top >= self.height:
            return
        below = self.rows()[top:] - line[None, :]
        share = np.clip(below * self.height + 0.5, 0, 1)
        fade = np.clip(below / np.float32(depth), 0, 1)
        colour = near + (far - near) * fade[..., None]
        self.cover(colour, share, top=top)


def gradient(stops: Sequence[Field], share: Field) -> Field:
    """Colours along evenly spaced stops, eased so that no stop shows as a band."""
    positions = np.linspace(0, 1, len(stops), dtype=np.float32)
    grid = np.linspace(0, 1, 512, dtype=np.float32)
    table = np.stack(
        [np.interp(grid, positions, [float(stop[c]) for stop in stops]) for c in range(3)], axis=-1
    )
    kernel = np.hanning(49)
    padded = np.pad(table, ((24, 24), (0, 0)), mode="edge")
    eased = [np.convolve(padded[:, c], kernel / kernel.sum(), mode="valid") for c in range(3)]
    index = np.clip(share * 511, 0, 511).astype(np.int32)
    table = np.stack(eased, axis=-1).astype(np.float32)
    return np.asarray(table[index])


def _span(first: float, last: float, scale: int, limit: int) -> tuple[int, int]:
    return max(0, int(first * scale) - 1), min(limit, int(last * scale) + 2)
