"""Firs standing in mist, rank behind rank, with light falling through them."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, mix, noise, profile
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import figures, sky

RANKS = 5


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("forest")
    sun = sky.draw(canvas, brief, horizon=0.66, cloudiness=0.5)
    along = canvas.columns()[0]
    for rank in range(RANKS):
        depth = rank / (RANKS - 1)
        base = 0.5 + 0.56 * depth**1.15
        roll = profile(chance, along, cells=0.7, octaves=4) - 0.5
        ground = (base + roll * (0.34 - 0.2 * depth)).astype(np.float32)
        _rank(canvas, brief, chance, ground, depth=depth)
        if rank < RANKS - 1:
            _fog(canvas, brief, rank, level=base + 0.03, density=0.62 - 0.5 * depth)
        if rank == 2:
            sky.beams(canvas, brief, sun, strength=0.5)
    canvas.glow(brief.palette.sun, x=sun.x, y=sun.y, radius=0.26, strength=0.2)
    if brief.panel % 2 == 0:
        figures.birds(canvas, brief, horizon=0.45)


def _rank(
    canvas: Canvas, brief: Brief, chance: np.random.Generator, ground: Field, *, depth: float
) -> None:
    """One rank, clear at its tops and lost in the mist towards its foot."""
    palette = brief.palette
    size = 0.085 + 0.62 * depth**1.7
    covered = figures.firs(canvas, chance, ground, size=size, gap=0.1 + 0.42 * depth)
    crest = mix(mix(palette.haze, palette.horizon, 0.3), palette.near, 0.16 + 0.82 * depth**0.8)
    foot = mix(crest, palette.haze, 0.85 - 0.6 * depth)
    top = max(0, int((float(ground.min()) - size * 1.5) * canvas.height))
    down = canvas.rows()[top:] - (ground[None, :] - size)
    fade = np.clip(down / np.float32(size * 1.25), 0, 1) ** 2
    colour = crest + (foot - crest) * fade[..., None]
    canvas.cover(colour, covered[top:], top=top)


def _fog(canvas: Canvas, brief: Brief, rank: int, *, level: float, density: float) -> None:
    """A bank of mist that lies along the foot of a rank."""
    chance = brief.chance(f"fog {rank}")
    down, across = canvas.soft_grid()
    texture = noise(
        chance, width=across.shape[1], height=down.shape[0], cells=2.5, octaves=4, stretch=3
    )
    bank = np.exp(-(((down - level) / 0.12) ** 2)) * (0.3 + 0.7 * texture) * density
    share = enlarge(bank.astype(np.float32), width=canvas.width, height=canvas.height)
    top, bottom = (int(np.clip(row, 0, 1) * canvas.height) for row in (level - 0.3, level + 0.3))
    colour = mix(brief.palette.haze, brief.palette.sun, 0.22)
    canvas.cover(colour, np.clip(share[top:bottom], 0, 1), top=top)
