"""Firs standing in mist, rank behind rank, with light falling through them."""

import numpy as np

from generations.sandbox.brush import Canvas, enlarge, mix, noise, profile
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import figures, sky


def draw(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("forest")
    palette = brief.palette
    horizon = 0.68
    sun = sky.draw(canvas, brief, horizon=horizon, cloudiness=0.45)
    along = canvas.columns()[0]
    ranks = 6
    for rank in range(ranks):
        depth = rank / (ranks - 1)
        size = 0.13 + 0.5 * depth**1.5
        base = 0.55 + 0.5 * depth**1.1
        roll = profile(chance, along, cells=0.8, octaves=3) - 0.5
        ground = np.asarray(base + roll * (0.2 - 0.08 * depth), dtype=np.float32)
        line = figures.conifers(canvas, chance, ground, size=size, gap=0.12 + 0.4 * depth)
        crest = mix(mix(palette.haze, palette.horizon, 0.3), palette.near, 0.14 + 0.82 * depth)
        foot = mix(crest, palette.haze, 0.8 - 0.5 * depth)
        canvas.land(line, crest, foot, depth=size * 1.25)
        _fog(canvas, brief, rank, level=base + 0.02, density=0.5 - 0.38 * depth)
        if rank == 1:
            sky.beams(canvas, brief, sun, strength=0.75)
    canvas.glow(palette.sun, x=sun.x, y=sun.y, radius=0.24, strength=0.22)
    if brief.panel % 2 == 0 or brief.says("birds"):
        figures.birds(canvas, brief, horizon=0.5)


def _fog(canvas: Canvas, brief: Brief, rank: int, *, level: float, density: float) -> None:
    """A bank of mist that lies along the foot of a rank."""
    chance = brief.chance(f"fog {rank}")
    down, across = canvas.soft_grid()
    rows, columns = down.shape[0], across.shape[1]
    texture = noise(chance, width=columns, height=rows, cells=2.5, octaves=4, stretch=3)
    bank = np.exp(-(((down - level) / 0.13) ** 2)) * (0.35 + 0.65 * texture) * density
    share = enlarge(np.asarray(bank, dtype=np.float32), width=canvas.width, height=canvas.height)
    canvas.cover(mix(brief.palette.haze, brief.palette.sun, 0.2), np.clip(share, 0, 1))
