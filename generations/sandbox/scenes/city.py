"""A city at night: a street between towers, or a skyline across the water, all of it wet."""

import numpy as np

from generations.sandbox.brush import Canvas, Field, enlarge, mix, noise, rgb, smoothstep
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import sky, skyline

NEON = (
    ("#ff2fa0", "#22d9ff"),
    ("#ff6a2b", "#2bd6c6"),
    ("#b04bff", "#3fa2ff"),
    ("#ff3d5e", "#ffc04a"),
)
BLOCK = 0.62
STOREY = 0.075
WINDOW = 0.058


def draw(canvas: Canvas, brief: Brief) -> None:
    """Siblings show the same town: two of four look down a street, two across the water."""
    street_first = bool(brief.shared_chance("city").random() < 0.7)
    if (brief.panel % 2 == 0) == street_first and canvas.aspect < 2.6:
        _street(canvas, brief)
        return
    skyline.draw(canvas, brief, neon(brief))


def neon(brief: Brief) -> tuple[Field, Field]:
    first, second = NEON[int(brief.shared_chance("neon").integers(len(NEON)))]
    if not brief.palette.is_dark:
        return brief.palette.accents
    return rgb(first), rgb(second)


def _street(canvas: Canvas, brief: Brief) -> None:
    chance = brief.chance("street")
    vanishing_x = canvas.aspect * float(chance.uniform(0.38, 0.62))
    vanishing_y = float(chance.uniform(0.52, 0.6))
    sky.draw(canvas, brief, horizon=vanishing_y + 0.1, sun=sky.Sun(-9, -9, 0.01))
    colours = neon(brief)
    _fog_light(canvas, brief, vanishing_x, vanishing_y, colours)
    half = float(chance.uniform(0.3, 0.42))
    eye = 0.1
    x = canvas.columns() - vanishing_x
    y = canvas.rows() - vanishing_y
    # What the wet ground shows is the street turned upside down about the eye's level.
    above = np.where(y < eye_line(x, half, eye), y, -y * 0.9)
    light, share = _walls(brief, x, above.astype(np.float32), half=half, eye=eye, colours=colours)
    is_ground = y >= eye_line(x, half, eye)
    _lay(canvas, brief, light, share, is_ground, y, vanishing_x)
    _rain(canvas, brief)


def eye_line(x: Field, half: float, eye: float) -> Field:
    """Where the ground meets the wall on each column."""
    return np.abs(x) * np.float32(eye / half)


def _fog_light(
    canvas: Canvas, brief: Brief, x: float, y: float, colours: tuple[Field, Field]
) -> None:
    canvas.glow(mix(colours[0], brief.palette.haze, 0.3), x=x, y=y, radius=0.42, strength=0.7)
    canvas.glow(mix(colours[1], brief.palette.sun, 0.4), x=x, y=y, radius=0.13, strength=0.8)


def _walls(
    brief: Brief, x: Field, y: Field, *, half: float, eye: float, colours: tuple[Field, Field]
) -> tuple[Field, Field]:
    """Both rows of houses as (light, how solid), by casting each pixel onto its wall."""
    distance = np.float32(half) / np.maximum(np.abs(x), 2e-3)
    distance = np.minimum(distance, 60)
    up = np.float32(eye) - y * distance
    along = distance + np.float32(float(brief.chance("walk").uniform(0, 5)))
    block = np.clip((along / BLOCK).astype(np.int32), 0, 63)
    side = (x > 0).astype(np.int32)
    heights = brief.chance("heights").uniform(0.7, 2.6, (2, 64)).astype(np.float32)
    solid = (up < heights[side, block]).astype(np.float32)
    light = _facade(brief, along, up, block + 64 * side, colours)
    nearness = np.exp(-distance * np.float32(0.16))
    fog = mix(brief.palette.haze, colours[0], 0.35) * np.float32(0.5)
    light = light * nearness[..., None] + fog * (1 - nearness)[..., None]
    return light.astype(np.float32), solid * np.clip(nearness * 1.5, 0, 0.97)


def _facade(
    brief: Brief, along: Field, up: Field, house: Field, colours: tuple[Field, Field]
) -> Field:
    """Dark walls with lit windows, and a lit sign on some of the houses."""
    chance = brief.chance("facade")
    column = (along / WINDOW).astype(np.int32)
    storey = np.clip((up / STOREY), 0, 60).astype(np.int32)
    table = chance.random((256, 64)).astype(np.float32)
    fate = table[(column * 7 + house * 31) % 256, storey % 64]
    across, over = along / WINDOW % 1, up / STOREY % 1
    pane = ((across > 0.2) & (across < 0.82) & (over > 0.25) & (over < 0.78)).astype(np.float32)
    lit = pane * smoothstep(0.58, 0.9, fate) * (up > STOREY)
    warm = mix(rgb("#ffd9a0"), colours[1], 0.15)
    cool = mix(rgb("#bfe6ff"), colours[0], 0.25)
    tint = np.where((fate * 97 % 1 > 0.35)[..., None], warm, cool)
    wall = mix(brief.palette.near, brief.palette.haze, 0.16) * np.float32(0.9)
    light = wall + (tint * 1.05 - wall) * (lit * (0.35 + 0.6 * fate))[..., None]
    return _signs(chance, light, along, up, house, colours)


def _signs(
    chance: np.random.Generator,
    light: Field,
    along: Field,
    up: Field,
    house: Field,
    colours: tuple[Field, Field],
) -> Field:
    """Upright neon boards and shop fronts, each with the glow it throws on its wall."""
    place = along / BLOCK % 1
    base = chance.uniform(0.12, 0.4, 128).astype(np.float32)[house]
    tall = chance.uniform(0.15, 0.5, 128).astype(np.float32)[house]
    middle = chance.uniform(0.2, 0.8, 128).astype(np.float32)[house]
    first = (chance.random(128) < 0.5)[house][..., None]
    colour = np.where(first, colours[0], colours[1])
    inside = np.clip(0.055 - np.abs(place - middle), -1, 1) * 22
    within = np.minimum(up - base, base + tall - up) * 12
    board = np.clip(np.minimum(inside, within) + 0.4, 0, 1)
    glow = np.exp(-np.abs(place - middle) * 7) * smoothstep(-0.35, 0.1, within)
    stripes = 0.72 + 0.28 * np.sign(np.sin(up * 120))
    bay = (along / (BLOCK / 4)).astype(np.int32) % 128
    front = (chance.random(128) ** 1.5)[bay] * (np.abs(along / (BLOCK / 4) % 1 - 0.5) < 0.42)
    shop = smoothstep(0.075, 0.06, up) * smoothstep(0.0, 0.02, up) * front
    warm = mix(rgb("#ffe2b0"), colours[1], 0.25)
    light = light + colour * (glow * 0.3)[..., None] + warm * (shop * 0.85)[..., None]
    return np.asarray(light + (colour * 1.25 + 0.12 - light) * (board * stripes)[..., None])


def _lay(
    canvas: Canvas,
    brief: Brief,
    light: Field,
    share: Field,
    is_ground: Field,
    y: Field,
    vanishing_x: float,
) -> None:
    """Walls above, and below them what a wet road keeps of their light."""
    sky_above = canvas.pixels.copy()
    picture = sky_above + (light - sky_above) * share[..., None]
    wet = _puddles(canvas, brief)
    road = mix(brief.palette.near, brief.palette.haze, 0.1) * np.float32(0.8)
    smeared = _smear(canvas, picture)
    ground = road + (smeared - road) * (0.25 + 0.6 * wet)[..., None]
    canvas.pixels[:] = np.where(is_ground[..., None], ground, picture)


def _smear(canvas: Canvas, picture: Field) -> Field:
    """Reflections on rough water run long downwards and stay narrow sideways."""
    rows, columns = max(8, canvas.height // 14), max(8, canvas.width // 3)
    step_down, step_across = canvas.height // rows, canvas.width // columns
    cut = picture[: rows * step_down, : columns * step_across]
    small = cut.reshape(rows, step_down, columns, step_across, 3).mean(axis=(1, 3))
    return enlarge(small.astype(np.float32), width=canvas.width, height=canvas.height)


def _puddles(canvas: Canvas, brief: Brief) -> Field:
    chance = brief.chance("puddles")
    texture = noise(
        chance, width=canvas.width // 3, height=canvas.height // 3, cells=7, octaves=4, stretch=5
    )
    return enlarge(smoothstep(0.32, 0.62, texture), width=canvas.width, height=canvas.height)


def _rain(canvas: Canvas, brief: Brief) -> None:
    """Short bright streaks, a little aslant."""
    chance = brief.chance("rain")
    length = max(3, canvas.height // 38)
    for _ in range(int(150 * canvas.aspect)):
        row = int(chance.integers(0, max(1, canvas.height - length)))
        column = int(chance.integers(0, canvas.width))
        streak = canvas.pixels[row : row + length, column : column + 1]
        streak += (1 - streak) * np.float32(0.05 + 0.1 * chance.random())
