"""Dunes: one side in the light, one in shadow, a knife edge between them."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, mix, noise, profile, smoothstep
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import figures, sky


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("desert")
    horizon = float(chance.uniform(0.4, 0.5))
    sun = sky.draw(canvas, brief, horizon=horizon, cloudiness=0.35)
    along = canvas.columns()[0]
    side = 1.0 if sun.x > canvas.aspect / 2 else -1.0
    dunes = 5
    line = behind = along * 0
    for dune in range(dunes):
        depth = dune / (dunes - 1)
        base = horizon + 0.03 + 0.5 * depth**1.4
        waves = profile(chance, along, cells=1.15 - 0.5 * depth, octaves=2, gain=0.3, ridged=True)
        behind, line = line, (base - (0.09 + 0.17 * depth) * (waves - 0.35)).astype(np.float32)
        _dune(canvas, brief, line, depth=depth, side=side)
    if brief.panel % 2 == 1 or brief.says(figures.PEOPLE):
        _walker(canvas, brief, crest=behind, hidden_below=line)


def _walker(canvas: Canvas, brief: Brief, *, crest: Field, hidden_below: Field) -> None:
    """Someone on the last crest but one, where the nearest dune does not hide it."""
    middle = slice(canvas.width // 5, canvas.width * 4 // 5)
    free = np.flatnonzero((crest < hidden_below - 0.02)[middle])
    if not len(free):
        return
    place = int(brief.chance("walker").choice(free))
    column = canvas.width // 5 + place
    foot = float(crest[column]) + 0.004
    figures.walker(canvas, brief, x=column / canvas.height, foot=foot, size=0.055)


def _dune(canvas: Canvas, brief: Brief, line: Field, *, depth: float, side: float) -> None:
    palette = brief.palette
    top = max(0, int(float(line.min()) * canvas.height) - 1)
    rows = canvas.rows()[top:]
    if not len(rows):
        return
    below = np.asarray(rows - line[None, :], dtype=np.float32)
    share = np.clip(below * canvas.height + 0.5, 0, 1)
    lit = _light(canvas, brief, line, below, depth=depth, side=side)
    sand = mix(palette.accents[0], palette.sun, 0.4)
    bright = mix(palette.haze, sand, 0.35 + 0.5 * depth)
    shade = mix(palette.haze, mix(palette.near, palette.accents[0], 0.28), 0.28 + 0.6 * depth)
    colour = shade + (bright - shade) * lit[..., None]
    fade = np.clip(below / np.float32(0.5), 0, 1) * np.float32(0.35)
    colour = colour * (1 - fade)[..., None]
    canvas.cover(colour.astype(np.float32), share, top=top)


def _light(
    canvas: Canvas, brief: Brief, line: Field, below: Field, *, depth: float, side: float
) -> Field:
    """The slope of the crest above decides; its border sweeps sideways in a long curve."""
    rows, columns = below.shape
    sweep = (below * 1.5 + np.sqrt(np.clip(below, 0, None)) * 0.32) * canvas.height * side
    index = np.clip(np.arange(columns) + sweep, 0, columns - 1).astype(np.int32)
    slope = np.gradient(line).astype(np.float32) * canvas.height * np.float32(side)
    lit = smoothstep(-0.12, 0.1, slope[index])
    ripples = np.sin(below * (190 - 80 * depth) + _warp(brief, rows, columns, depth) * 26)
    strength = np.float32(0.075 * depth) * np.clip(below * 6, 0, 1)
    return np.asarray(np.clip(lit * 0.88 + 0.08 + ripples * strength, 0, 1), dtype=np.float32)


def _warp(brief: Brief, rows: int, columns: int, depth: float) -> Field:
    chance = brief.chance(f"ripples {depth}")
    texture = noise(chance, width=columns // 6 + 2, height=rows // 6 + 2, cells=3, octaves=2)
    return enlarge(texture, width=columns, height=rows)
