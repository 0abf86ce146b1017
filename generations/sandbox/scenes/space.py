"""Deep space: a nebula folded out of noise, stars, a planet catching the light."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, mix, noise, rgb, smoothstep
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import sky


def draw(canvas: Canvas, brief: Brief) -> None:
    _nebula(canvas, brief)
    sky.stars(canvas, brief, horizon=1.0, density=900)
    _bright_stars(canvas, brief)
    _planet(canvas, brief)


def _nebula(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("nebula")
    down, across = canvas.soft_grid()
    rows, columns = down.shape[0], across.shape[1]
    first = noise(chance, width=columns, height=rows, cells=1.6, octaves=6, gain=0.55)
    second = noise(chance, width=columns, height=rows, cells=2.4, octaves=6, gain=0.6)
    folded = _warped(second, first, 0.22)
    band = _band(chance, canvas, down, across)
    glow = smoothstep(0.34, 0.95, folded) * (0.25 + 0.9 * band)
    core = smoothstep(0.55, 1.0, _warped(first, second, 0.15)) * band
    dust = smoothstep(0.5, 0.85, _warped(first, folded, 0.3)) * band
    palette = brief.palette
    void = mix(rgb("#04050d"), palette.sky[0], 0.3)
    soft = np.broadcast_to(void, (rows, columns, 3)).astype(np.float32).copy()
    soft += glow[..., None] * mix(palette.sky[2], palette.accents[1], 0.5) * 0.95
    soft += core[..., None] * mix(palette.accents[0], palette.sun, 0.35) * 0.9
    soft *= (1 - 0.62 * dust * (1 - 0.6 * core))[..., None]
    canvas.fill(soft.astype(np.float32))


def _band(chance: np.random.Generator, canvas: Canvas, down: Field, across: Field) -> Field:
    """The stream the clouds lie along, at this panel's own slant."""
    slant = float(chance.uniform(-0.9, 0.9))
    x, y = across - canvas.aspect / 2, down - float(chance.uniform(0.35, 0.65))
    away = (y - slant * x) / np.sqrt(1 + slant**2)
    return np.asarray(np.exp(-((away / 0.3) ** 2)), dtype=np.float32)


def _warped(field: Field, by: Field, reach: float) -> Field:
    rows, columns = field.shape
    shift = (by - np.float32(0.5)) * np.float32(reach * rows * 2)
    row = np.clip(np.arange(rows)[:, None] + shift, 0, rows - 1).astype(np.int32)
    column = np.clip(np.arange(columns)[None, :] - shift, 0, columns - 1).astype(np.int32)
    return np.asarray(field[row, column])


def _bright_stars(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("bright stars")
    white = np.ones(3, dtype=np.float32)
    for _ in range(int(chance.integers(9, 16))):
        x, y = float(chance.random()) * canvas.aspect, float(chance.random())
        size = 0.0012 + 0.0022 * float(chance.random()) ** 2
        tint = mix(white, brief.palette.accents[int(chance.integers(2))], 0.25)
        window = canvas.window(x - size * 16, y - size * 16, x + size * 16, y + size * 16)
        if window is None:
            continue
        top, left, down, across = window
        u, v = np.abs(across - x) / size, np.abs(down - y) / size
        light = 1.2 / (1 + u * u + v * v) + 0.35 * np.exp(-u * 0.28 - v * 3)
        light = light + 0.35 * np.exp(-v * 0.28 - u * 3)
        canvas.lighten(tint, np.clip(light - 0.005, 0, 1.4).astype(np.float32), top=top, left=left)


def _planet(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("planet")
    radius = float(chance.uniform(0.14, 0.34))
    x = canvas.aspect * float(chance.uniform(0.22, 0.78))
    y = float(chance.uniform(0.32, 0.8))
    angle = float(chance.uniform(-2.6, -0.5))
    window = canvas.window(x - radius * 1.3, y - radius * 1.3, x + radius * 1.3, y + radius * 1.3)
    if window is None:
        return
    top, left, down, across = window
    u, v = (across - x) / radius, (down - y) / radius
    distance = np.sqrt(u * u + v * v)
    depth = np.sqrt(np.clip(1 - distance**2, 0, 1))
    light = np.clip(u * np.cos(angle) + v * np.sin(angle) + depth * 0.35, 0, 1.2)
    share = np.clip((1 - distance) * radius * canvas.height + 0.5, 0, 1).astype(np.float32)
    colour = _surface(brief, chance, u, v, depth) * (0.015 + 1.05 * light**1.2)[..., None]
    canvas.cover(colour.astype(np.float32), share, top=top, left=left)
    rim = np.exp(-np.abs(distance - 1) * 17) * np.clip(
        u * np.cos(angle) + v * np.sin(angle) + 0.25, 0, 1
    )
    air = mix(brief.palette.accents[1], brief.palette.sun, 0.35)
    canvas.lighten(air, (rim * 0.85).astype(np.float32), top=top, left=left)


def _surface(brief: Brief, chance: np.random.Generator, u: Field, v: Field, depth: Field) -> Field:
    """Bands of weather, bent round the sphere."""
    rows, columns = depth.shape
    texture = noise(chance, width=columns, height=rows, cells=2.5, octaves=5, stretch=2.5)
    latitude = v * 0.9 + u * 0.25
    bands = 0.5 + 0.5 * np.sin(latitude * float(chance.uniform(6, 15)) + texture * 4)
    palette = brief.palette
    first, second = (
        mix(palette.accents[0], palette.haze, 0.3),
        mix(palette.sky[1], palette.sun, 0.4),
    )
    share = np.clip(bands * 0.75 + texture * 0.35, 0, 1)[..., None]
    return np.asarray(first + (second - first) * share, dtype=np.float32)


def soft_light(canvas: Canvas, light: Field, colour: Field) -> None:
    canvas.lighten(colour, enlarge(light, width=canvas.width, height=canvas.height))
