"""Mountains behind mountains, each paler than the one before it; in winter with snow on them."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, mix, noise, profile, smoothstep
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import figures, sky


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("ridges")
    horizon = float(chance.uniform(0.42, 0.56))
    sun = sky.draw(canvas, brief, horizon=horizon)
    layers = int(chance.integers(5, 8))
    along = canvas.columns()[0]
    sharp = bool(brief.shared_chance("ridges").random() < 0.55)
    line = along * 0
    for layer in range(layers):
        depth = layer / (layers - 1)
        amplitude = 0.21 - 0.1 * depth
        base = horizon + 0.02 + (0.97 - horizon) * depth**1.25
        cells = 1.1 + 1.1 * (1 - depth) + float(chance.uniform(-0.2, 0.2))
        hills = profile(chance, along, cells=cells, octaves=7, gain=0.47, ridged=sharp)
        line = np.asarray(base + 0.05 - amplitude * 1.6 * (hills - 0.2), dtype=np.float32)
        _slope(canvas, brief, line, depth=depth, sun_x=sun.x)
    figures.stand_if_asked(canvas, brief, line)


def _slope(canvas: Canvas, brief: Brief, line: Field, *, depth: float, sun_x: float) -> None:
    """One ridge: dark at its crest, dissolving in the haze of the valley before it."""
    palette = brief.palette
    crest = mix(mix(palette.haze, palette.horizon, 0.35), palette.near, 0.18 + 0.8 * depth**0.85)
    foot = mix(crest, mix(palette.haze, palette.near, depth * 0.75), 0.72 - 0.3 * depth)
    top = max(0, int(float(line.min()) * canvas.height) - 1)
    rows, columns = canvas.rows()[top:], canvas.columns()
    if not len(rows):
        return
    below = rows - line[None, :]
    share = np.clip(below * canvas.height + 0.5, 0, 1)
    fade = np.clip(below / np.float32(0.22 + 0.18 * depth), 0, 1)
    fade = fade * (np.float32(1.6) - np.float32(0.6) * fade)
    folds = _folds(brief, canvas, len(rows), depth) * np.float32(0.1 + 0.22 * depth)
    near_sun = np.exp(-np.abs(columns - np.float32(sun_x)) * 1.9) * np.float32(0.2 * (1 - depth))
    colour = crest + (foot - crest) * fade[..., None]
    colour = colour * (1 - folds * (1 - fade * 0.6))[..., None]
    colour += (palette.sun - colour) * (near_sun * (0.4 + 0.6 * fade))[..., None]
    canvas.cover(colour.astype(np.float32), share, top=top)


def _folds(brief: Brief, canvas: Canvas, rows: int, depth: float) -> Field:
    """Gullies and shadows that run down a slope."""
    chance = brief.chance(f"folds {depth}")
    height = max(8, rows // 3)
    width = max(8, canvas.width // 3)
    texture = noise(chance, width=width, height=height, cells=3 + 3 * (1 - depth), octaves=4)
    slanted = np.abs(2 * texture - 1)
    return enlarge(np.asarray(1 - slanted, dtype=np.float32), width=canvas.width, height=rows)


def draw_snow(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("snow")
    horizon = float(chance.uniform(0.55, 0.64))
    sun = sky.draw(canvas, brief, horizon=horizon, cloudiness=0.5)
    if brief.says("aurora") or brief.palette.is_dark:
        sky.aurora(canvas, brief, horizon=horizon)
    along = canvas.columns()[0]
    for depth in (0.15, 0.45, 0.8):
        base = horizon + 0.06 + 0.2 * depth**2
        hills = profile(chance, along, cells=0.95 + 0.5 * depth, octaves=8, gain=0.44, ridged=True)
        height = 0.78 - 0.3 * depth + float(chance.uniform(-0.05, 0.08))
        line = np.asarray(base - height * (hills - 0.4), dtype=np.float32)
        _peak(canvas, brief, line, depth=depth, sun_x=sun.x)
    ground = 0.86 + 0.05 * profile(chance, along, cells=0.6, octaves=3)
    _treeline(canvas, brief, ground - 0.02)
    _snowfield(canvas, brief, np.asarray(ground, dtype=np.float32))
    _flakes(canvas, brief)


def _peak(canvas: Canvas, brief: Brief, line: Field, *, depth: float, sun_x: float) -> None:
    """Snow faces: lit towards the sun, blue away from it, with rock showing on the steep parts."""
    palette = brief.palette
    top = max(0, int(float(line.min()) * canvas.height) - 1)
    rows = canvas.rows()[top:]
    below = np.asarray(rows - line[None, :], dtype=np.float32)
    share = np.clip(below * canvas.height + 0.5, 0, 1)
    lit = _facets(canvas, brief, line, below, depth=depth, sun_x=sun_x)
    bright = mix(palette.sun, palette.haze, 0.25 if not palette.is_dark else 0.55)
    shade = mix(mix(palette.sky[0], palette.near, 0.35), palette.haze, 0.35)
    colour = shade + (bright - shade) * lit[..., None]
    haze = np.clip(below / np.float32(0.34), 0, 1) * np.float32(0.85 - 0.3 * depth)
    haze += np.float32(0.5 * (1 - depth)) * (1 - haze)
    colour += (palette.haze - colour) * haze[..., None]
    canvas.cover(colour.astype(np.float32), share, top=top)


def _facets(
    canvas: Canvas, brief: Brief, line: Field, below: Field, *, depth: float, sun_x: float
) -> Field:
    """Light from the slope of the crest above, carried down the face along wandering lines."""
    chance = brief.chance(f"facets {depth}")
    rows, columns = below.shape
    wander = noise(
        chance, width=columns // 3 + 2, height=rows // 3 + 2, cells=6, octaves=5, stretch=0.6
    )
    wander = enlarge(wander - np.float32(0.5), width=columns, height=rows)
    reach = max(2, canvas.height // 60)
    slope = np.convolve(np.gradient(line), np.ones(reach) / reach, mode="same").astype(np.float32)
    shift = (wander * (0.012 + below * 0.42)) * canvas.height
    index = np.clip(np.arange(columns) + shift, 0, columns - 1).astype(np.int32)
    away = np.float32(1 if sun_x > canvas.aspect / 2 else -1)
    lit = smoothstep(-0.3, 0.4, slope[index] * canvas.height * away)
    rough = np.clip(1 - np.abs(wander) * 5, 0, 1) * 0.3
    return np.asarray(np.clip(lit * 0.85 + 0.12 - rough * (0.4 + lit), 0, 1), dtype=np.float32)


def _treeline(canvas: Canvas, brief: Brief, ground: Field) -> None:
    chance = brief.chance("treeline")
    palette = brief.palette
    for depth, size in ((0.3, 0.055), (0.7, 0.1)):
        foot = (ground - 0.012 + 0.03 * depth).astype(np.float32)
        covered = figures.firs(canvas, chance, foot, size=size, gap=0.25)
        colour = mix(palette.haze, palette.near, 0.35 + 0.55 * depth)
        canvas.cover(colour, covered)


def _snowfield(canvas: Canvas, brief: Brief, ground: Field) -> None:
    palette = brief.palette
    bright = mix(palette.haze, palette.sun, 0.65 if not palette.is_dark else 0.2)
    canvas.land(ground, bright, mix(palette.sky[0], palette.haze, 0.55), depth=0.17)


def _flakes(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("flakes")
    white = np.ones(3, dtype=np.float32)
    for _ in range(int(90 * canvas.aspect)):
        x, y = float(chance.random() * canvas.aspect), float(chance.random())
        radius = 0.0011 + 0.0028 * float(chance.random()) ** 3
        canvas.disc(white, x=x, y=y, radius=radius, density=0.25 + 0.5 * float(chance.random()))
