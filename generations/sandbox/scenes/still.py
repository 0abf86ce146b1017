"""A turned vessel on a table by a window, the way a product photograph is lit."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, mix, noise, rgb, smoothstep
from generations.sandbox.palettes import Brief

GLAZES = ("#7f9a86", "#c9b79a", "#8aa3b4", "#b98a74", "#4f6b63", "#d8d2c4", "#6f7f9b", "#a8655a")


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("still")
    table = float(chance.uniform(0.66, 0.74))
    from_left = bool(chance.random() < 0.5)
    _room(canvas, brief, table=table, from_left=from_left)
    x = canvas.aspect * float(chance.uniform(0.42, 0.58))
    size = min(0.5, canvas.aspect * 0.55) * float(chance.uniform(0.88, 1.08))
    foot = table + 0.11
    side = 1.0 if from_left else -1.0
    neighbour = x + side * size * float(chance.uniform(0.72, 0.95))
    _shadow(canvas, x=x, foot=foot, size=size, side=side)
    if chance.random() < 0.75:
        _shadow(canvas, x=neighbour, foot=foot - 0.035, size=size * 0.5, side=side)
        _vessel(canvas, brief, "second", x=neighbour, foot=foot - 0.035, size=size * 0.5, side=side)
    _vessel(canvas, brief, "first", x=x, foot=foot, size=size, side=side)


def _room(canvas: Canvas, brief: Brief, *, table: float, from_left: bool) -> None:
    """A wall with window light falling across it, and a cloth under the vessel."""
    palette = brief.palette
    down, across = canvas.soft_grid()
    reach = across / canvas.aspect
    reach = 1 - reach if from_left else reach
    light = np.exp(-(((1 - reach) - 0.25 - down * 0.35) ** 2) / 0.16)
    wall = mix(palette.haze, palette.sky[1], 0.42) * np.float32(0.62)
    bright = mix(palette.haze, palette.sun, 0.55)
    soft = wall + (bright - wall) * light[..., None]
    canvas.fill(np.asarray(soft, dtype=np.float32))
    top = int(table * canvas.height)
    rows, columns = canvas.height - top, canvas.width
    weave = noise(brief.chance("cloth"), width=columns, height=rows, cells=26, octaves=4, gain=0.8)
    near = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    cloth = mix(palette.haze, rgb("#efe6d8"), 0.55)
    lit = 0.62 + 0.38 * enlarge(np.asarray(light[-rows // 4 :]), width=columns, height=rows)
    shade = (lit * (0.95 - 0.22 * near) + (weave - 0.5) * 0.07)[..., None]
    share = np.clip(np.broadcast_to(near * rows / 5, (rows, columns)), 0, 1).astype(np.float32)
    canvas.cover(np.asarray(cloth * shade, dtype=np.float32), share, top=top)


def _shadow(canvas: Canvas, *, x: float, foot: float, size: float, side: float) -> None:
    down, across = canvas.soft_grid()
    u = (across - x + side * size * -0.42) / (size * 0.62)
    v = (down - foot + size * 0.02) / (size * 0.11)
    shade = np.exp(-(u * u + v * v)) * 0.5
    contact = np.exp(-(((across - x) / (size * 0.3)) ** 2) - ((down - foot) / (size * 0.035)) ** 2)
    total = np.clip(shade + contact * 0.45, 0, 0.85).astype(np.float32)
    share = enlarge(total, width=canvas.width, height=canvas.height)
    canvas.cover(rgb("#1a1614"), np.clip(share, 0, 1))


def _vessel(
    canvas: Canvas, brief: Brief, which: str, *, x: float, foot: float, size: float, side: float
) -> None:
    shared = brief.shared_chance(f"vessel {which}")
    chance = brief.chance(f"vessel {which}")
    is_cup = brief.says("cup mug bowl") or (brief.says("teapot") and which == "second")
    outline = _outline(brief, chance, is_cup=is_cup)
    height = size * (0.62 if is_cup else 0.84 if brief.says("teapot") else 1.15)
    window = canvas.window(x - size, foot - height * 1.1, x + size, foot + size * 0.08)
    if window is None:
        return
    top, left, down, across = window
    v = (foot - down) / height
    radius = np.interp(v[:, 0], np.linspace(0, 1, len(outline)), outline)[:, None] * size
    u = (across - x) / np.maximum(radius, 1e-4)
    # The foot is seen a little from above, so its edge is an arc.
    ends = np.minimum(v + 0.03 * np.sqrt(np.clip(1 - u * u, 0, 1)), 1 - v)
    edge = np.minimum((1 - np.abs(u)) * radius, ends * height) * canvas.height
    glaze = rgb(GLAZES[int(shared.integers(len(GLAZES)))])
    colour = _glazed(brief, glaze, u, v, side=-side)
    if brief.says("teapot cup mug") and which == "first":
        _handle(canvas, glaze, x=x, foot=foot, size=size, height=height, side=side)
    share = np.clip(edge + 0.5, 0, 1).astype(np.float32)
    canvas.cover(colour, share, top=top, left=left)


def _outline(brief: Brief, chance: np.random.Generator, *, is_cup: bool) -> Field:
    """The radius of the vessel from foot to lip."""
    if is_cup:
        knots = [0.14, 0.26, 0.31, 0.33, 0.34, 0.34, 0.34, 0.34, 0.34, 0.345]
    elif brief.says("teapot"):
        knots = [0.2, 0.33, 0.4, 0.415, 0.38, 0.29, 0.25, 0.19, 0.07, 0.06, 0.02]
    elif brief.says("bottle perfume"):
        knots = [0.2, 0.22, 0.22, 0.22, 0.21, 0.14, 0.07, 0.065, 0.07, 0.07]
    else:
        belly = float(chance.uniform(0.26, 0.36))
        neck = float(chance.uniform(0.07, 0.13))
        knots = [0.14, belly * 0.85, belly, belly * 0.95, belly * 0.7, neck * 1.4, neck, neck, 0.15]
    fine = np.interp(np.linspace(0, 1, 200), np.linspace(0, 1, len(knots)), knots)
    kernel = np.hanning(29)
    padded = np.pad(fine, 14, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid").astype(np.float32)


def _glazed(brief: Brief, glaze: Field, u: Field, v: Field, *, side: float) -> Field:
    """Round shading from the window's side, a soft highlight, the cloth's light from below."""
    turned = np.clip(u, -1, 1)
    depth = np.sqrt(1 - turned**2)
    facing = np.clip(turned * side * 0.72 + depth * 0.62, 0, 1)
    light = 0.2 + 0.92 * facing
    bounce = smoothstep(0.35, 0.0, np.asarray(v)) * np.clip(-turned * side, 0, 1) * 0.16
    speckle = noise(
        brief.chance("speckle"), width=u.shape[1], height=u.shape[0], cells=60, octaves=2
    )
    tone = glaze * (0.93 + 0.1 * speckle)[..., None]
    dip = smoothstep(0.62, 0.66, v + 0.012 * np.sin(turned * 7))[..., None]
    tone = tone + (mix(glaze, rgb("#efe7da"), 0.62) - tone) * dip * np.float32(
        0 if brief.says("teapot") else 0.7
    )
    colour = tone * (light + bounce)[..., None]
    highlight = np.exp(-(((turned - 0.5 * side) / 0.1) ** 2)) * smoothstep(0.1, 0.5, np.asarray(v))
    return np.asarray(colour + (highlight * 0.28)[..., None], dtype=np.float32)


def _handle(
    canvas: Canvas, glaze: Field, *, x: float, foot: float, size: float, height: float, side: float
) -> None:
    window = canvas.window(x - size, foot - height, x + size, foot)
    if window is None:
        return
    top, left, down, across = window
    u, v = (across - x) / size * side, (foot - down) / height
    ring = np.hypot((u + 0.4) / 0.17, (v - 0.42) / 0.25)
    handle = 0.028 - np.abs(ring - 1) * 0.15
    along = np.clip((u - 0.3) / 0.3, 0, 1)
    spout = np.minimum(0.075 - 0.035 * along - np.abs(v - 0.3 - 0.38 * along**1.3), 0.62 - u)
    spout = np.minimum(spout, u - 0.25)
    inside = np.maximum(handle, spout) * size * canvas.height
    shade = np.clip(0.55 + 0.5 * u + 0.25 * v, 0.3, 1.1)[..., None]
    share = np.clip(inside + 0.5, 0, 1).astype(np.float32)
    canvas.cover(np.asarray(glaze * shade, dtype=np.float32), share, top=top, left=left)
