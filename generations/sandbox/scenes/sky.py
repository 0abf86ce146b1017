"""Skies: light falling off from the horizon, clouds lit by the sun, stars, aurora."""

from dataclasses import dataclass

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, gradient, mix, noise, smoothstep
from generations.sandbox.palettes import Brief


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the light comes from, in heights."""

    x: float
    y: float
    radius: float


def draw(
    canvas: Canvas, brief: Brief, *, horizon: float, sun: Sun | None = None, cloudiness: float = 0.7
) -> Sun:
    """Paint the whole canvas as sky whose horizon lies at `horizon`; returns the sun painted."""
    light = sun or place_sun(canvas, brief, horizon=horizon)
    down, across = canvas.soft_grid()
    palette = brief.palette
    height = np.broadcast_to(np.clip(down / horizon, 0, 1), (down.shape[0], across.shape[1]))
    soft = gradient(palette.sky, np.asarray(height**1.15, dtype=np.float32))
    distance = np.sqrt((across - light.x) ** 2 + (down - light.y) ** 2)
    _warm(soft, brief, distance)
    _clouds(soft, brief, distance, down / horizon, cloudiness)
    canvas.fill(soft)
    if palette.is_dark:
        stars(canvas, brief, horizon=horizon)
    _sun(canvas, brief, light)
    return light


def place_sun(canvas: Canvas, brief: Brief, *, horizon: float) -> Sun:
    chance = brief.chance("sun")
    side = float(chance.choice([0.28, 0.4, 0.62, 0.74])) + float(chance.uniform(-0.06, 0.06))
    height = float(chance.uniform(0.3, 0.78)) * horizon
    return Sun(side * canvas.aspect, height, float(chance.uniform(0.026, 0.042)))


def _warm(soft: Field, brief: Brief, distance: Field) -> None:
    wide = np.exp(-distance * np.float32(2.6))[..., None]
    soft += (brief.palette.sun - soft) * wide * np.float32(0.55)


def _clouds(soft: Field, brief: Brief, distance: Field, height: Field, cloudiness: float) -> None:
    rows, columns = distance.shape
    chance = brief.chance("clouds")
    texture = noise(
        chance, width=columns, height=rows, cells=3.2, octaves=5, stretch=3.4, gain=0.55
    )
    body = smoothstep(0.38, 0.82, texture) * np.clip(1.25 - height * 0.7, 0, 1) * cloudiness
    palette = brief.palette
    lit = np.exp(-distance * np.float32(2.0))[..., None]
    bright = mix(palette.haze, palette.sun, 0.6)
    dim = mix(palette.sky[len(palette.sky) // 2], palette.haze, 0.35)
    colour = dim + (bright - dim) * lit
    # A cloud is thickest, and so darkest, where its texture is densest.
    colour = colour * (1.06 - 0.3 * smoothstep(0.5, 0.95, texture))[..., None]
    soft += (colour - soft) * np.asarray(body, dtype=np.float32)[..., None]


def _sun(canvas: Canvas, brief: Brief, sun: Sun) -> None:
    colour = brief.palette.sun
    strength = 0.4 if brief.palette.is_dark else 0.6
    canvas.glow(colour, x=sun.x, y=sun.y, radius=sun.radius * 5, strength=strength)
    canvas.spark(colour, x=sun.x, y=sun.y, radius=sun.radius * 1.5, strength=0.9)
    white = np.ones(3, dtype=np.float32)
    canvas.disc(mix(colour, white, 0.7), x=sun.x, y=sun.y, radius=sun.radius, density=0.97)


def stars(canvas: Canvas, brief: Brief, *, horizon: float, density: float = 420) -> None:
    chance = brief.chance("stars")
    count = int(density * canvas.aspect)
    size_pixels = max(1, round(canvas.height / 900))
    rows = (chance.random(count) ** 1.2 * horizon * canvas.height).astype(int)
    columns = (chance.random(count) * canvas.width).astype(int)
    light = chance.random(count) ** 4
    for row, column, strength in zip(rows, columns, light, strict=True):
        spot = canvas.pixels[row : row + size_pixels, column : column + size_pixels]
        spot += (1 - spot) * np.float32(0.12 + 0.85 * strength)


def aurora(canvas: Canvas, brief: Brief, *, horizon: float) -> None:
    """Two or three curtains of light hanging along wandering lines."""
    chance = brief.chance("aurora")
    down, across = canvas.soft_grid()
    rays = noise(chance, width=across.shape[1], height=4, cells=10, octaves=2, stretch=0.25)[1]
    total = np.zeros((down.shape[0], across.shape[1], 3), dtype=np.float32)
    green, violet = np.array([0.25, 0.95, 0.6]), np.array([0.5, 0.3, 0.9])
    for _ in range(3):
        base = horizon * chance.uniform(0.45, 0.85)
        swing = chance.uniform(0.04, 0.1) * np.sin(
            across * chance.uniform(1.5, 4) + chance.uniform(0, 6)
        )
        above = base + swing - down
        curtain = np.exp(-np.clip(above, 0, None) / 0.16) * smoothstep(-0.025, 0.02, above)
        light = (curtain * (0.35 + 0.65 * rays[None, :]) * chance.uniform(0.3, 0.55))[..., None]
        fade = np.clip(above / 0.35, 0, 1)[..., None]
        total += (light * (green + (violet - green) * fade)).astype(np.float32)
    canvas.pixels[:] += enlarge(total, width=canvas.width, height=canvas.height)


def beams(canvas: Canvas, brief: Brief, sun: Sun, *, strength: float) -> None:
    """Shafts of light that fan out from the sun."""
    chance = brief.chance("beams")
    down, across = canvas.soft_grid()
    angle = np.arctan2(across - sun.x, down - sun.y + 0.02)
    knots = chance.random(48).astype(np.float32)
    shaft = np.interp(angle, np.linspace(-np.pi, np.pi, 48), knots)
    shaft = smoothstep(0.35, 1.0, shaft.astype(np.float32)) * (down > sun.y - 0.05)
    reach = np.exp(-np.sqrt((across - sun.x) ** 2 + (down - sun.y) ** 2) * 1.7)
    light = np.asarray(shaft * reach * strength, dtype=np.float32)
    canvas.lighten(brief.palette.sun, enlarge(light, width=canvas.width, height=canvas.height))
