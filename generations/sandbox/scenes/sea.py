"""Open water in perspective: sky mirrored in moving waves, the sun's path, a coast or a sail."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, mix, noise, profile, smoothstep
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import figures, sky

TEXTURE_SIDE = 512


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("sea")
    horizon = float(chance.uniform(0.4, 0.56))
    sun = sky.draw(canvas, brief, horizon=horizon, cloudiness=0.9)
    _islands(canvas, brief, horizon=horizon)
    _water(canvas, brief, horizon=horizon, sun=sun)
    if brief.says("boat ship sail sailing harbour harbor lake") or brief.panel % 3 == 1:
        x = float(chance.uniform(0.2, 0.8)) * canvas.aspect
        colour = brief.palette.near * np.float32(0.7)
        water = horizon + float(chance.uniform(0.02, 0.07))
        figures.sailboat(canvas, colour, x=x, water=water, size=0.07 + (water - horizon) * 0.6)
    if brief.says("cliff lighthouse coast island shore rocks basalt") or brief.panel % 3 == 2:
        _headland(canvas, brief, horizon=horizon)
    figures.birds(canvas, brief, horizon=horizon)


def _islands(canvas: Canvas, brief: Brief, *, horizon: float) -> None:
    chance = brief.chance("islands")
    along = canvas.columns()[0]
    for depth in (0.25, 0.5):
        hills = profile(chance, along, cells=1.3 + depth, octaves=6)
        mask = profile(chance, along, cells=0.9, octaves=1)
        rise = np.clip(hills - 0.3, 0, 1) * np.clip(mask - 0.42, 0, 1) * (0.2 + 0.25 * depth)
        colour = mix(brief.palette.haze, brief.palette.near, depth * 0.8)
        line = np.asarray(horizon + 0.002 - rise, dtype=np.float32)
        canvas.land(line, colour, mix(colour, brief.palette.haze, 0.6), depth=0.06)


def _water(canvas: Canvas, brief: Brief, *, horizon: float, sun: sky.Sun) -> None:
    palette = brief.palette
    top = int(horizon * canvas.height)
    rows, columns = canvas.rows()[top:], canvas.columns()
    nearness = np.clip((rows - horizon) / (1 - horizon), 0.004, 1)
    waves = _waves(canvas, brief, nearness, columns)
    # A wave that leans towards us shows the deep, one that leans away mirrors the sky.
    mirror = np.clip(top - 1 - (np.arange(len(rows)) * 0.85).astype(int), 0, top - 1)
    sky_colours = canvas.pixels[mirror].mean(axis=1)[:, None, :]
    deep = mix(palette.near, palette.sky[0], 0.55)
    tilt = np.clip(0.5 + (waves - 0.5) * (0.5 + 1.1 * nearness), 0, 1)
    shine = (0.85 - 0.6 * nearness) * (0.4 + 0.6 * tilt) + 0.12 * tilt
    colour = deep + (sky_colours * 0.94 - deep) * shine[..., None].astype(np.float32)
    canvas.pixels[top:] = colour
    path = _sun_path(rows, columns, nearness, waves, horizon=horizon, sun=sun)
    strength = path * np.float32(0.6 if palette.is_dark else 1.0)
    canvas.lighten(mix(palette.sun, palette.horizon, 0.15), strength, top=top)
    line = np.exp(-np.abs(rows - horizon) * 60) * np.ones_like(columns)
    canvas.lighten(palette.haze, np.asarray(line * 0.18, dtype=np.float32), top=top)


def _waves(canvas: Canvas, brief: Brief, nearness: Field, columns: Field) -> Field:
    """A texture laid on the water and seen in perspective, in two scales."""
    chance = brief.chance("waves")
    texture = noise(
        chance, width=TEXTURE_SIDE, height=TEXTURE_SIDE, cells=9, octaves=6, stretch=2.4, gain=0.66
    )
    distance = 1 / (nearness * 0.9 + 0.05)
    across = (columns - canvas.aspect / 2) * distance
    total = np.zeros((len(nearness), canvas.width), dtype=np.float32)
    for scale, weight in ((120.0, 0.55), (330.0, 0.45)):
        total += (
            np.float32(weight)
            * texture[
                _there_and_back(distance * (scale * 2.6)), _there_and_back(across * scale + 9000)
            ]
        )
    return total


def _there_and_back(position: Field) -> Field:
    """Indexes that walk the texture forwards, then backwards, so that it never breaks off."""
    lap = position.astype(np.int32) % (2 * TEXTURE_SIDE - 2)
    return np.where(lap < TEXTURE_SIDE, lap, 2 * TEXTURE_SIDE - 2 - lap)


def _sun_path(
    rows: Field, columns: Field, nearness: Field, waves: Field, *, horizon: float, sun: sky.Sun
) -> Field:
    width = 0.035 + 0.34 * nearness
    path = np.exp(-(((columns - sun.x) / width) ** 2))
    high = np.clip((horizon - sun.y) / horizon, 0, 1)
    sparkle = smoothstep(0.5, 0.72, waves) * (0.9 - 0.45 * nearness) + 0.16
    return np.asarray(path * sparkle * (1.05 - 0.3 * high), dtype=np.float32)


def _headland(canvas: Canvas, brief: Brief, *, horizon: float) -> None:
    """A cliff that enters from one side, with a lighthouse when the prompt has one."""
    chance = brief.chance("headland")
    palette = brief.palette
    along = canvas.columns()[0]
    right = bool(chance.random() < 0.5)
    reach = canvas.aspect * float(chance.uniform(0.34, 0.48))
    inward = (canvas.aspect - along) if right else along
    rough = profile(chance, along, cells=3, octaves=6, ridged=True)
    shape = smoothstep(0, 1, np.asarray((reach - inward) / (reach * 0.55), dtype=np.float32))
    rise = shape * (float(chance.uniform(0.16, 0.26)) + 0.08 * rough) - (1 - shape) * 0.3
    foot = horizon + 0.1
    line = np.asarray(foot - rise, dtype=np.float32)
    window = inward < reach * 1.02
    line = np.where(window, line, np.float32(2)).astype(np.float32)
    _rock(canvas, brief, line, foot=foot + 0.015)
    if brief.says("lighthouse") or chance.random() < 0.25:
        column = int(np.argmax(np.where(inward > reach * 0.3, rise, -1)))
        _lighthouse(canvas, brief, x=column / canvas.height, foot=float(line[column]))
    spray = np.exp(-np.abs(canvas.rows() - foot - 0.012) * 90) * (inward < reach)[None, :]
    canvas.lighten(palette.haze, np.asarray(spray * 0.35, dtype=np.float32))


def _rock(canvas: Canvas, brief: Brief, line: Field, *, foot: float) -> None:
    palette = brief.palette
    top, bottom = max(0, int(line.min() * canvas.height) - 1), int(foot * canvas.height)
    below = canvas.rows()[top:bottom] - line[None, :]
    share = np.clip(below * canvas.height + 0.5, 0, 1)
    cracks = noise(
        brief.chance("cracks"), width=canvas.width, height=bottom - top, cells=3, octaves=5,
        stretch=0.35,
    )  # fmt: skip
    crest, base = mix(palette.near, palette.haze, 0.12), palette.near * np.float32(0.7)
    fade = np.clip(below / 0.2, 0, 1)[..., None]
    colour = (crest + (base - crest) * fade) * (0.65 + 0.7 * cracks)[..., None]
    canvas.cover(colour.astype(np.float32), share.astype(np.float32), top=top)


def _lighthouse(canvas: Canvas, brief: Brief, *, x: float, foot: float) -> None:
    size = 0.15
    window = canvas.window(x - size, foot - size * 1.2, x + size, foot + size * 0.1)
    if window is None:
        return
    top, left, down, across = window
    u, v = (across - x) / size, (foot + 0.006 - down) / size
    tower = np.minimum(0.105 - 0.04 * v - np.abs(u), np.minimum(v, 0.9 - v))
    room = np.minimum(0.05 - np.abs(u), np.minimum(v - 0.9, 1.0 - v))
    roof = np.minimum((1.09 - v) * 0.75 - np.abs(u), v - 1.0)
    scale = size * canvas.height
    stripes = np.where((v * 4.4 % 2) < 1, 0.95, 0.55)[..., None]
    body = mix(brief.palette.haze, np.array([1, 0.97, 0.93], dtype=np.float32), 0.5) * stripes
    side = np.clip(1.05 - (u + 0.1) * 3.2, 0.35, 1)[..., None]
    canvas.cover((body * side).astype(np.float32), _edge(tower, scale), top=top, left=left)
    dark = brief.palette.near
    canvas.cover(dark, _edge(roof, scale), top=top, left=left)
    lamp = np.array([1.0, 0.86, 0.55], dtype=np.float32)
    canvas.cover(lamp, _edge(room, scale), top=top, left=left)
    canvas.glow(lamp, x=x, y=foot - size * 0.94, radius=0.035, strength=0.9)


def _edge(inside: Field, scale: float) -> Field:
    return np.asarray(np.clip(inside * scale + 0.5, 0, 1), dtype=np.float32)
