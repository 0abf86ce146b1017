"""Someone seen from behind, or a cat, against lights out of focus; the light draws the rim."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, gradient, mix, smoothstep
from generations.sandbox.palettes import Brief


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("portrait")
    palette = brief.palette
    down, across = canvas.soft_grid()
    shape = (down.shape[0], across.shape[1])
    canvas.fill(gradient(palette.sky, np.broadcast_to(down**0.9, shape).astype(np.float32)))
    light_x = canvas.aspect * float(chance.uniform(0.25, 0.75))
    canvas.glow(palette.sun, x=light_x, y=0.36, radius=0.34, strength=0.85)
    _bokeh(canvas, brief)
    x = canvas.aspect * float(chance.uniform(0.42, 0.58))
    size = min(0.95, canvas.aspect * 1.15) * float(chance.uniform(0.92, 1.1))
    inside = _cat if brief.says("cat cats kitten") else _bust
    _model(canvas, brief, inside(canvas, brief, x, size), light_x=light_x, x=x)


def _bokeh(canvas: Canvas, brief: Brief) -> None:
    """Discs of light with a slightly brighter edge, as a fast lens draws them."""
    chance = brief.chance("bokeh")
    palette = brief.palette
    colours = (palette.accents[0], palette.accents[1], palette.sun)
    for _ in range(int(34 * min(canvas.aspect, 1.8))):
        x, y = float(chance.random()) * canvas.aspect, float(chance.uniform(0.04, 0.95))
        radius = float(chance.uniform(0.018, 0.075))
        window = canvas.window(x - radius, y - radius, x + radius, y + radius)
        if window is None:
            continue
        top, left, rows, columns = window
        distance = np.sqrt((columns - x) ** 2 + (rows - y) ** 2) / radius
        light = smoothstep(1.0, 0.93, distance.astype(np.float32)) * (0.62 + 0.38 * distance**4)
        strength = float(chance.uniform(0.1, 0.42))
        colour = mix(colours[int(chance.integers(3))], palette.sun, float(chance.uniform(0, 0.4)))
        canvas.lighten(colour, (light * strength).astype(np.float32), top=top, left=left)


def _bust(canvas: Canvas, brief: Brief, x: float, size: float) -> Field:
    """How far inside head and shoulders each pixel lies, in sizes; negative outside."""
    chance = brief.chance("bust")
    u, v = (canvas.columns() - x) / size, (canvas.rows() - 0.36) / size
    lean = float(chance.uniform(-0.035, 0.035))
    head = (1 - np.hypot((u - lean) / 0.096, v / 0.125)) * 0.1
    neck = np.minimum(0.05 + 0.09 * np.clip(v - 0.15, 0, 1) - np.abs(u - lean * 0.4), v - 0.05)
    outwards = np.abs(u)
    slope = 0.2 + 0.085 * smoothstep(0.03, 0.25, outwards)
    slope = slope + 13 * np.clip(outwards - 0.2, 0, None) ** 2
    shoulders = (v - slope) * 0.7
    hair = _hair(_hair_kind(brief), u - lean, v)
    return _union((head, hair, neck, shoulders), blend=0.014)


def _hair_kind(brief: Brief) -> int:
    if brief.says("samurai monk dancer queen"):
        return 0
    if brief.says("woman girl model fashion"):
        return 1
    if brief.says("man boy king musician"):
        return 2
    return int(brief.shared_chance("hair").integers(3))


def _hair(kind: int, u: Field, v: Field) -> Field:
    """A topknot, long hair or a short cut."""
    if kind == 0:
        knot = (1 - np.hypot(u / 0.05, (v + 0.155) / 0.042)) * 0.045
        return np.asarray(np.maximum(knot, (1 - np.hypot(u / 0.104, (v + 0.02) / 0.118)) * 0.1))
    if kind == 1:
        crown = (1 - np.hypot(u / 0.122, (v + 0.012) / 0.138)) * 0.12
        width = 0.119 + 0.022 * np.sin(np.clip(v, 0, 0.2) * 11)
        fall = np.minimum(np.minimum(width - np.abs(u), v + 0.01), 0.165 - v - 0.35 * np.abs(u))
        return np.asarray(np.maximum(crown, fall))
    ears = (1 - np.hypot((np.abs(u) - 0.098) / 0.018, (v - 0.012) / 0.03)) * 0.02
    cut = (1 - np.hypot(u / 0.107, (v + 0.026) / 0.12)) * 0.11
    return np.asarray(np.maximum(ears, cut))


def _cat(canvas: Canvas, brief: Brief, x: float, size: float) -> Field:
    """A cat sitting with its back to us."""
    u, v = (canvas.columns() - x) / size, (canvas.rows() - 0.34) / size
    head = (1 - np.hypot(u / 0.125, v / 0.105)) * 0.11
    ears = np.minimum(0.062 - np.abs(np.abs(u) - 0.078) * 1.25 + (v + 0.1) * 0.62, -v - 0.02)
    body = (1 - np.hypot(u / (0.155 + 0.1 * np.clip(v, 0, 0.6)), (v - 0.4) / 0.36)) * 0.2
    curl = np.hypot((u - 0.2) / 0.19, (v - 0.66) / 0.15)
    tail = np.minimum(0.032 - np.abs(curl - 1) * 0.15, u - 0.1)
    return _union((head, ears, body, tail), blend=0.018)


def _union(parts: tuple[Field, ...], *, blend: float) -> Field:
    """Shapes melted into one where they meet."""
    total = sum(np.exp(np.clip(part / blend, -40, 40)) for part in parts)
    return np.asarray(np.log(np.maximum(total, 1e-20)) * blend, dtype=np.float32)


def _model(canvas: Canvas, brief: Brief, inside: Field, *, light_x: float, x: float) -> None:
    palette = brief.palette
    share = np.clip(inside * canvas.height * 0.9 + 0.5, 0, 1)
    dark = palette.near * np.float32(0.75)
    body = mix(palette.near, palette.sky[1], 0.42)
    round_shade = smoothstep(0.0, 0.16, inside)[..., None]
    colour = body + (dark - body) * round_shade
    canvas.cover(np.asarray(colour, dtype=np.float32), share)
    side = np.sign(light_x - x)
    facing = 0.35 + 0.65 * smoothstep(-0.25, 0.25, (canvas.columns() - x) * np.float32(side))
    rim = np.exp(-np.clip(inside, 0, 1) * 62) * share * facing
    fade = np.clip(1.15 - canvas.rows(), 0.25, 1)
    canvas.lighten(mix(palette.sun, palette.accents[0], 0.25), rim * fade * np.float32(0.85))
    wrap = np.exp(-np.clip(inside, 0, 1) * 14) * share * facing
    canvas.lighten(palette.haze, np.asarray(wrap * fade * 0.2, dtype=np.float32))
