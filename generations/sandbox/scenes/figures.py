"""Small silhouettes that give a scene its scale: trees, people, boats, birds."""

import numpy as np

from generations.sandbox.brush import Canvas, Field
from generations.sandbox.palettes import Brief

PEOPLE = "samurai person man woman girl boy hiker monk wanderer traveller traveler astronaut lone"


def firs(
    canvas: Canvas, chance: np.random.Generator, ground: Field, *, size: float, gap: float
) -> Field:
    """How densely a rank of firs on `ground` covers each pixel, the ground itself included."""
    covered = np.clip((canvas.rows() - ground[None, :]) * canvas.height + 0.5, 0, 1)
    covered = covered.astype(np.float32)
    position = -size * 0.2
    while position < canvas.aspect + size * 0.2:
        column = min(canvas.width - 1, max(0, int(position * canvas.height)))
        if chance.random() > gap:
            height = (
                size
                * float(chance.choice([0.6, 0.8, 1.0, 1.15]))
                * float(chance.uniform(0.85, 1.15))
            )
            foot = float(ground[column]) + 0.02
            _one_fir(canvas, chance, covered, x=position, foot=foot, height=height)
        position += size * float(chance.uniform(0.09, 0.34))
    return covered


def _one_fir(
    canvas: Canvas,
    chance: np.random.Generator,
    covered: Field,
    *,
    x: float,
    foot: float,
    height: float,
) -> None:
    """Tiers of drooping branches: each widens downwards and is cut back where the next begins."""
    half = height * float(chance.uniform(0.15, 0.21))
    window = canvas.window(x - half * 1.2, foot - height, x + half * 1.2, foot)
    if window is None:
        return
    top, left, down, across = window
    share = np.clip((down - (foot - height)) / height, 0, 1)
    tiers = int(chance.integers(11, 17))
    tier = np.minimum((share**0.8 * tiers).astype(np.int32), tiers - 1)
    within = share**0.8 * tiers - tier
    side = (across > x).astype(np.int32)
    reach = chance.uniform(0.72, 1.12, (tiers, 2)).astype(np.float32)[tier, side]
    slant = np.abs(across - x) / half
    width = share**0.85 * (0.42 + 0.58 * np.clip(within + 0.35 - 0.25 * slant, 0, 1)) * reach
    trunk = 0.035 + 0.03 * share
    inside = (np.maximum(width, trunk) * half - np.abs(across - x)) * canvas.height
    rows, columns = inside.shape
    place = covered[top : top + rows, left : left + columns]
    np.maximum(place, np.clip(inside + 0.5, 0, 1).astype(np.float32), out=place)


def stand_if_asked(canvas: Canvas, brief: Brief, line: Field) -> None:
    """A lone walker on the nearest ridge, when the prompt speaks of someone."""
    if not brief.says(PEOPLE):
        return
    chance = brief.chance("figure")
    column = int(canvas.width * float(chance.uniform(0.25, 0.75)))
    walker(canvas, brief, x=column / canvas.height, foot=float(line[column]) + 0.008, size=0.1)


def walker(canvas: Canvas, brief: Brief, *, x: float, foot: float, size: float) -> None:
    colour = brief.palette.near * np.float32(0.55)
    window = canvas.window(x - size, foot - size * 1.1, x + size, foot + size * 0.05)
    if window is None:
        return
    top, left, down, across = window
    u, v = (across - x) / size, (foot - down) / size
    head = 0.072 - np.hypot(u, v - 0.9)
    coat_half = 0.075 + 0.11 * np.clip(0.8 - v, 0, 1) ** 1.3
    coat = np.minimum(coat_half - np.abs(u + 0.02), np.minimum(v - 0.14, 0.84 - v))
    legs = np.minimum(0.034 - np.abs(np.abs(u) - 0.055), np.minimum(v, 0.3 - v))
    staff = np.minimum(0.011 - np.abs(u - 0.2 - 0.05 * v), np.minimum(v, 1.12 - v))
    outline = np.maximum(np.maximum(head, coat), np.maximum(legs, staff)) * size * canvas.height
    canvas.cover(colour, np.clip(outline + 0.5, 0, 1).astype(np.float32), top=top, left=left)


def sailboat(canvas: Canvas, colour: Field, *, x: float, water: float, size: float) -> None:
    window = canvas.window(x - size, water - size * 1.3, x + size, water + size * 0.2)
    if window is None:
        return
    top, left, down, across = window
    u, v = (across - x) / size, (water - down) / size
    hull = np.minimum(np.minimum(v + 0.06, 0.08 - v), 0.42 + 0.4 * v - np.abs(u))
    main = np.minimum(np.minimum(u - 0.02, v - 0.14), (1.15 - v) * 0.36 - u)
    jib = np.minimum(np.minimum(-0.03 - u, v - 0.14), (0.95 - v) * 0.36 + u)
    outline = np.maximum(hull, np.maximum(main, jib)) * size * canvas.height
    canvas.cover(colour, np.clip(outline + 0.5, 0, 1).astype(np.float32), top=top, left=left)


def birds(canvas: Canvas, brief: Brief, *, horizon: float) -> None:
    chance = brief.chance("birds")
    colour = brief.palette.near * np.float32(0.8)
    middle_x = float(chance.uniform(0.2, 0.8)) * canvas.aspect
    middle_y = float(chance.uniform(0.3, 0.7)) * horizon
    for _ in range(int(chance.integers(4, 9))):
        size = 0.007 + 0.011 * float(chance.random())
        x = middle_x + float(chance.normal(0, 0.11))
        y = middle_y + float(chance.normal(0, 0.05))
        window = canvas.window(x - size, y - size, x + size, y + size)
        if window is None:
            continue
        top, left, down, across = window
        u, v = np.abs(across - x) / size, (y - down) / size
        wing = 0.5 * np.sqrt(np.clip(u, 0, 1)) - 0.35 * u * u
        outline = (0.14 * (1.15 - u) - np.abs(v - wing)) * size * canvas.height
        share = np.clip(outline + 0.5, 0, 1) * (u < 1)
        canvas.cover(colour, share.astype(np.float32), top=top, left=left)
