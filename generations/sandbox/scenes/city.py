"""A city across the water: ranks of towers, lit windows, neon, and what ripples make of it."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, mix, noise, rgb, smoothstep
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import sky

NEON = (
    ("#ff2fa0", "#22d9ff"),
    ("#b04bff", "#2fb4ff"),
    ("#ff3d6e", "#ffb84a"),
    ("#ff5a36", "#21cfd0"),
)
# Lights hang low and hide the moon.
NO_SUN = sky.Sun(-9, -9, 0.01)


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("city")
    colours = _lights(brief)
    water = float(chance.uniform(0.6, 0.7))
    is_neon = brief.palette.is_dark and not brief.says("moon moonlit moonlight")
    sky.draw(canvas, brief, horizon=water, sun=NO_SUN if is_neon else None)
    middle = canvas.aspect * float(chance.uniform(0.3, 0.7))
    haze = mix(brief.palette.haze, colours[0], 0.75 if is_neon else 0.3)
    _smog(canvas, brief, colours, water=water, middle=middle)
    for depth in (0.2, 0.55, 1.0):
        _rank(canvas, brief, colours, depth=depth, water=water, middle=middle)
        low = np.exp(-(((canvas.rows() - water) / 0.1) ** 2)) * np.ones_like(canvas.columns())
        canvas.lighten(haze, low * np.float32(0.42 - 0.3 * depth))
    _reflect(canvas, brief, water=water)


def _lights(brief: Brief) -> tuple[Field, Field]:
    """Neon by night, the mood's own accents by day."""
    if not brief.palette.is_dark:
        return brief.palette.accents
    chance = brief.shared_chance("neon")
    first, second = NEON[int(chance.choice(len(NEON), p=[0.4, 0.24, 0.18, 0.18]))]
    return rgb(first), rgb(second)


def _smog(
    canvas: Canvas, brief: Brief, colours: tuple[Field, Field], *, water: float, middle: float
) -> None:
    """The town's light in the air above it: one hue over its heart, another to the side."""
    strength = 1.0 if brief.palette.is_dark else 0.4
    canvas.glow(colours[0], x=middle, y=water, radius=0.46, strength=0.85 * strength)
    side = canvas.aspect - middle + (0.3 if middle > canvas.aspect / 2 else -0.3)
    canvas.glow(colours[1], x=side, y=water + 0.02, radius=0.34, strength=0.5 * strength)
    core = mix(colours[0], brief.palette.sun, 0.6)
    canvas.glow(core, x=middle, y=water, radius=0.16, strength=0.5 * strength)


def _rank(
    canvas: Canvas,
    brief: Brief,
    colours: tuple[Field, Field],
    *,
    depth: float,
    water: float,
    middle: float,
) -> None:
    chance = brief.chance(f"rank {depth}")
    position = -0.05
    while position < canvas.aspect:
        width = float(chance.uniform(0.035, 0.085)) * (0.75 + 0.6 * depth)
        centre = float(np.exp(-(((position - middle) / 0.45) ** 2)))
        height = float(chance.uniform(0.06, 0.19)) + centre * float(chance.uniform(0.08, 0.3))
        if chance.random() < 0.07:
            height, width = height * 1.5, width * 0.75
        height *= 1.12 - 0.35 * depth
        _tower(canvas, brief, colours, chance, (position, width, height, depth), water)
        position += width * float(chance.uniform(0.9, 1.5))


def _tower(
    canvas: Canvas,
    brief: Brief,
    colours: tuple[Field, Field],
    chance: np.random.Generator,
    shape: tuple[float, float, float, float],
    water: float,
) -> None:
    left_edge, width, height, depth = shape
    first, last = (int(edge * canvas.height) for edge in (left_edge, left_edge + width))
    top, bottom = int((water - height) * canvas.height), int(water * canvas.height)
    first, last, top = max(first, 0), min(last, canvas.width), max(top, 0)
    if first >= last or top >= bottom:
        return
    palette = brief.palette
    haze = mix(palette.haze, colours[0], 0.4 if palette.is_dark else 0.15)
    wall = mix(haze, palette.near, 0.45 + 0.5 * depth)
    rows, columns = bottom - top, last - first
    shade = np.linspace(0.92, 1.12, columns, dtype=np.float32)[None, :, None]
    colour = np.broadcast_to(wall * shade, (rows, columns, 3)).astype(np.float32).copy()
    _windows(canvas, chance, colour, colours, depth)
    canvas.pixels[top:bottom, first:last] = colour
    _crown(canvas, chance, colours, (first, last, top), depth)


def _windows(
    canvas: Canvas,
    chance: np.random.Generator,
    colour: Field,
    colours: tuple[Field, Field],
    depth: float,
) -> None:
    rows, columns = colour.shape[:2]
    tall = max(3, round(canvas.height * (0.0068 + 0.005 * depth)))
    wide = max(3, round(canvas.height * (0.0058 + 0.0045 * depth)))
    storeys, bays = rows // tall + 1, columns // wide + 1
    busy = float(chance.uniform(0.25, 0.6))
    fate = chance.random((storeys, bays)).astype(np.float32)
    fate = np.where(chance.random((storeys, 1)) < 0.14, fate * 0.4, fate)
    lit = (fate < busy) * (0.35 + 0.65 * chance.random((storeys, bays)))
    pane = np.zeros((tall, wide), dtype=np.float32)
    pane[max(1, tall // 4) : tall - 1 or 1, max(1, wide // 4) : wide - 1 or 1] = 1
    light = np.kron(lit, pane)[:rows, :columns].astype(np.float32)
    tints = np.stack([rgb("#ffd69a"), rgb("#ffefd0"), rgb("#bfe4ff"), colours[1]])
    tint = tints[int(chance.choice(4, p=[0.46, 0.26, 0.18, 0.1]))]
    colour += (tint - colour) * (light * (0.32 + 0.6 * depth))[..., None]


def _crown(
    canvas: Canvas,
    chance: np.random.Generator,
    colours: tuple[Field, Field],
    place: tuple[int, int, int],
    depth: float,
) -> None:
    """A mast, a lit edge or an upright sign on some towers."""
    first, last, top = place
    colour = colours[int(chance.random() < 0.5)]
    fate = float(chance.random())
    x, y = (first + last) / 2 / canvas.height, top / canvas.height
    if fate < 0.28 and depth > 0.3:
        thickness = max(1, canvas.height // 320)
        canvas.pixels[top : top + thickness, first:last] = colour * 0.9 + 0.1
        canvas.spark(colour, x=x, y=y, radius=0.035, strength=0.4)
        return
    if fate < 0.5 and depth > 0.3:
        width = max(2, (last - first) // 7)
        start = first + (last - first) // 3
        length = int(canvas.height * float(chance.uniform(0.05, 0.11)))
        begin = top + int(canvas.height * 0.015)
        canvas.pixels[begin : begin + length, start : start + width] = colour * 0.85 + 0.15
        canvas.spark(colour, x=start / canvas.height, y=y + 0.05, radius=0.055, strength=0.5)
        return
    mast = int(canvas.height * float(chance.uniform(0.02, 0.05)))
    column = (first + last) // 2
    if fate < 0.7 and top > mast:
        canvas.pixels[top - mast : top, column : column + max(1, canvas.height // 700)] *= 0.4


def _reflect(canvas: Canvas, brief: Brief, *, water: float) -> None:
    """The town upside down, stretched, swayed and broken by ripples that widen towards us."""
    top = int(water * canvas.height)
    rows = canvas.height - top
    down = np.arange(rows)
    near = ((down + 1) / rows).astype(np.float32)[:, None]
    texture = noise(
        brief.chance("ripples"), width=canvas.width // 2 + 1, height=max(8, rows // 2),
        cells=9, octaves=4, stretch=7,
    )  # fmt: skip
    ripple = enlarge(texture, width=canvas.width, height=rows) - np.float32(0.5)
    lift = ripple * near * np.float32(0.16 * canvas.height)
    source = np.clip(top - 1 - down[:, None] * 1.15 - np.abs(lift), 0, top - 1).astype(np.int32)
    sway = ripple * near * np.float32(0.03 * canvas.height)
    column = np.clip(np.arange(canvas.width) + sway, 0, canvas.width - 1).astype(np.int32)
    mirrored = _streaked(canvas.pixels[:top])[source, column]
    deep = brief.palette.near * np.float32(0.7)
    keep = (0.86 - 0.42 * near) * (0.8 + 0.5 * ripple)
    canvas.pixels[top:] = deep + (mirrored - deep) * keep[..., None]
    glints = smoothstep(0.22, 0.42, ripple) * (1 - near) * np.float32(0.12)
    canvas.lighten(brief.palette.haze, glints, top=top)


def _streaked(picture: Field) -> Field:
    """Blurred downwards, as lights are on water."""
    rows = max(4, picture.shape[0] // 6)
    step = picture.shape[0] // rows
    small = picture[: rows * step].reshape(rows, step, *picture.shape[1:]).mean(axis=1)
    long = enlarge(small.astype(np.float32), width=picture.shape[1], height=picture.shape[0])
    return np.asarray(picture * np.float32(0.35) + long * np.float32(0.75), dtype=np.float32)
