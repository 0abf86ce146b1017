"""Folded ribbons of colour, each casting a soft shadow on the one behind."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, gradient, mix, noise, rgb
from generations.sandbox.palettes import Brief


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("abstract")
    palette = brief.palette
    down, across = canvas.soft_grid()
    tilt = float(chance.uniform(-0.35, 0.35))
    height = np.clip(down + tilt * (across / canvas.aspect - 0.5), 0, 1)
    canvas.fill(gradient((palette.sky[0], palette.sky[1], palette.sky[2]), height))
    canvas.glow(
        palette.accents[1],
        x=canvas.aspect * float(chance.uniform(0.1, 0.9)),
        y=float(chance.uniform(0, 0.4)),
        radius=0.5,
        strength=0.5,
    )
    ribbons = int(chance.integers(6, 9))
    for ribbon in range(ribbons):
        _ribbon(canvas, brief, chance, depth=ribbon / (ribbons - 1))
    _sheen(canvas, brief)


def _ribbon(canvas: Canvas, brief: Brief, chance: np.random.Generator, *, depth: float) -> None:
    palette = brief.palette
    along = canvas.columns()[0] / np.float32(max(1.0, canvas.aspect * 0.8))
    base = 0.16 + 0.88 * depth
    line = np.full_like(along, base)
    for frequency, swing in ((1.6, 0.13), (3.1, 0.06), (5.3, 0.018)):
        phase = float(chance.uniform(0, 6.3)) + depth * 1.4
        turn = frequency * float(chance.uniform(0.8, 1.2))
        line = line + np.float32(swing) * np.sin(along * turn + phase)
    line = np.asarray(line, dtype=np.float32)
    _shadow(canvas, line, strength=0.4)
    stops = (*palette.sky, palette.accents[0], palette.sun)
    place = np.array([0.12 + 0.8 * depth], dtype=np.float32)
    body = gradient(stops, place)[0]
    crest = mix(body, palette.sun, 0.42)
    other = mix(body, palette.accents[1] if depth < 0.5 else palette.sky[0], 0.62)
    _fill(canvas, line, crest, body, other)


def _shadow(canvas: Canvas, line: Field, *, strength: float) -> None:
    top = max(0, int((float(line.min()) - 0.16) * canvas.height))
    above = np.clip(line[None, :] - canvas.rows()[top:], 0, 1)
    shade = np.exp(-above * np.float32(26)) * np.float32(strength)
    canvas.pixels[top:] *= (1 - shade)[..., None]


def _fill(canvas: Canvas, line: Field, crest: Field, body: Field, other: Field) -> None:
    """Bright along the fold, deep below it, drifting to another hue from side to side."""
    top = max(0, int(float(line.min()) * canvas.height) - 1)
    if top >= canvas.height:
        return
    below = canvas.rows()[top:] - line[None, :]
    share = np.clip(below * canvas.height + 0.5, 0, 1).astype(np.float32)
    drift = (canvas.columns() / np.float32(canvas.aspect))[..., None]
    ground = body + (other - body) * drift
    fold = np.exp(-np.clip(below, 0, 1) * np.float32(13))[..., None]
    colour = ground * np.float32(0.92) + (crest - ground * np.float32(0.92)) * fold
    canvas.cover(np.asarray(colour, dtype=np.float32), share, top=top)


def _sheen(canvas: Canvas, brief: Brief) -> None:
    down, across = canvas.soft_grid()
    texture = noise(
        brief.chance("sheen"), width=across.shape[1], height=down.shape[0], cells=1.5, octaves=2
    )
    light = enlarge((texture * np.float32(0.16)), width=canvas.width, height=canvas.height)
    canvas.lighten(rgb("#ffffff"), np.clip(light - 0.05, 0, 1))
