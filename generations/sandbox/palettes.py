"""What a prompt's words mean for the eye: which scene, which light, which colours."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from generations.sandbox.brush import LUMA, Field, generator, mix, rgb


@dataclass(frozen=True)
class Palette:
    """The light of a picture. `sky` runs from the zenith to the horizon."""

    sky: tuple[Field, ...]
    sun: Field
    haze: Field
    near: Field
    accents: tuple[Field, Field]
    is_dark: bool = False

    @cached_property
    def horizon(self) -> Field:
        return self.sky[-1]


def _palette(sky: str, sun: str, haze: str, near: str, accents: str, dark: bool = False) -> Palette:
    first, second = (rgb(text) for text in accents.split())
    stops = tuple(rgb(text) for text in sky.split())
    return Palette(stops, rgb(sun), rgb(haze), rgb(near), (first, second), dark)


MOODS = {
    "dawn": _palette(
        "#58769f #93a9c9 #e3bfb6 #f9d3b0", "#fff2d8", "#eec9b6", "#27384f", "#f2a07b #7fb0c9"
    ),
    "dusk": _palette(
        "#1b1338 #4a2470 #a83f76 #f58a5f", "#ffdf9e", "#c9657c", "#170f2b", "#ff9d5c #8f4fc4"
    ),
    "golden": _palette(
        "#5f87b4 #a9b8b8 #f0cd8c #ffe3a1", "#fff3c9", "#efcb8d", "#33261a", "#e8a33d #5f7f6a"
    ),
    "day": _palette(
        "#2a6fbb #62a5de #b5d9ef #e6f2f5", "#fffdf0", "#c5dbe6", "#1c4238", "#3f9c7a #f2b84b"
    ),
    "night": _palette(
        "#040817 #0a1734 #193559 #3d6288", "#eef3ff", "#33547b", "#04080f", "#6fb7ff #ffd58a", True
    ),
    "mist": _palette(
        "#8ea7b0 #b3c4c7 #d3dcd9 #e9ebe4", "#fffbe9", "#d5dedb", "#213439", "#8fb3a5 #c9a98a"
    ),
    "storm": _palette(
        "#151e27 #2f3f4c #5b6f7a #a0aeae", "#f2f4e8", "#7d8d93", "#0f171c", "#d6e0d2 #4f7f95"
    ),
    "teal": _palette(
        "#04222b #0c4f51 #3f957d #b3e3ba", "#f4ffdf", "#6cb897", "#04201f", "#7fe0b5 #e0c878"
    ),
    "ember": _palette(
        "#2d0a17 #7d1c22 #cf4f2b #f8a95f", "#ffe5ad", "#c95a3a", "#240a0c", "#ffb04f #b0304a"
    ),
    "violet": _palette(
        "#1f0b3d #56207f #a33b98 #f58ab5", "#ffe3e6", "#a9489c", "#1a0930", "#ff7ac0 #6f7bff"
    ),
    "meadow": _palette(
        "#9fb86a #c3d487 #e3eaad #f8f5d2", "#fffee0", "#d3dd98", "#2b400f", "#f0c64f #7fae45"
    ),
    "slate": _palette(
        "#4f6f90 #86a5bf #bfd3df #eaf1f3", "#ffffff", "#b9ccd8", "#1f3346", "#7fb2d6 #d9c7a8"
    ),
}

MOOD_WORDS = {
    "dawn": "dawn sunrise morning pastel spring soft blossom pink",
    "dusk": "dusk sunset evening twilight terraced",
    "golden": "golden gold autumn fall warm honey amber wheat afternoon sand sandy",
    "day": "day noon bright blue sunny summer clear tropical beach",
    "night": "night midnight moon moonlit moonlight stars dark starry",
    "mist": "mist misty fog foggy haze hazy watercolor watercolour melancholic",
    "storm": "storm stormy rain rainy thunder grey gray monochrome noir dramatic overcast",
    "teal": "teal green emerald aurora jade jungle forest",
    "ember": "ember fire red volcano lava mars crimson",
    "violet": "violet purple magenta lavender dream dreamy vaporwave synthwave fantasy",
    "meadow": "meadow lime field fields grass hill hills countryside tea",
    "slate": "snow snowy winter ice icy frozen arctic glacier cold alpine",
}

SCENE_WORDS = {
    "city": "city cityscape cyberpunk neon street streets skyline skyscraper skyscrapers tokyo "
    "metropolis urban downtown alley manhattan buildings traffic",
    "space": "space galaxy nebula planet planets cosmos cosmic universe astronaut orbit star "
    "stars starship asteroid",
    "portrait": "portrait woman man girl boy face person samurai model character headshot "
    "fashion warrior queen king musician dancer cat kitten",
    "still": "teapot vase bottle cup product ceramic mug perfume jar bowl still packshot lamp "
    "watch sneaker",
    "sea": "sea ocean beach wave waves lighthouse coast island boat ship sail harbour harbor "
    "shore lake gulls underwater surf cliff",
    "desert": "desert dune dunes sand sahara canyon mars camel cactus",
    "snow": "snow snowy winter ice icy arctic glacier alps aurora frozen himalaya alpine ski",
    "forest": "forest woods woodland trees tree pine jungle elk deer fox wolf bear cabin redwood",
    "abstract": "abstract logo pattern poster gradient geometric shapes minimal wallpaper icon "
    "background waves",
    "ridges": "mountain mountains hill hills valley terraced landscape ridge fields train "
    "meadow countryside volcano",
}

# Where a prompt names no light, a scene prefers some over others.
SCENE_MOODS = {
    "city": ("night", "violet", "dusk", "teal"),
    "space": ("night", "violet", "ember", "teal"),
    "portrait": ("dusk", "teal", "violet", "golden", "night"),
    "still": ("mist", "golden", "slate", "dawn", "teal"),
    "sea": ("dusk", "dawn", "day", "storm", "teal"),
    "desert": ("golden", "ember", "dusk", "dawn"),
    "snow": ("slate", "dawn", "night", "violet"),
    "forest": ("mist", "teal", "dawn", "meadow", "golden"),
    "abstract": ("violet", "dusk", "teal", "ember", "day", "dawn"),
    "ridges": ("dusk", "teal", "slate", "meadow", "ember", "dawn", "violet", "golden"),
}

FALLBACK_SCENES = ("ridges", "sea", "abstract", "forest", "desert", "snow")


@dataclass(frozen=True, slots=True)
class Brief:
    """What to paint: the scene and light all siblings share, and this panel's own chance."""

    scene: str
    mood: str
    palette: Palette
    words: frozenset[str]
    seed: str
    panel: int

    def says(self, words: str) -> bool:
        return not self.words.isdisjoint(words.split())

    def chance(self, part: str) -> np.random.Generator:
        """Chance of this panel's composition."""
        return generator(self.seed, self.panel, part)

    def shared_chance(self, part: str) -> np.random.Generator:
        """Chance that is the same for all siblings."""
        return generator(self.seed, "shared", part)


def brief(prompt: str, *, seed: str, panel: int) -> Brief:
    text = re.sub(r"\[[^\]]*\]|--\w+\s+\S+", " ", prompt)
    order = re.findall(r"[a-z]+", text.lower())
    words = frozenset(order)
    root = f"{prompt}\x1f{seed}"
    scene = _first_named(order, SCENE_WORDS) or _pick(root, "scene", FALLBACK_SCENES)
    mood = _mood(order, scene) or _pick(root, "mood", SCENE_MOODS[scene])
    palette = _varied(MOODS[mood], generator(root, "palette"))
    return Brief(scene, mood, palette, words, root, panel)


def _first_named(order: list[str], table: dict[str, str]) -> str:
    """The entry most of the words speak for; the earlier word decides between equals."""
    votes: dict[str, float] = {}
    for place, word in enumerate(order):
        for name, words in table.items():
            if word in words.split():
                votes[name] = votes.get(name, 0) + 1 + 0.1 / (1 + place)
    return max(votes, key=lambda name: votes[name]) if votes else ""


def _mood(order: list[str], scene: str) -> str:
    mood = _first_named(order, MOOD_WORDS)
    if scene == "city" and mood not in ("", "dusk", "dawn", "storm", "mist", "golden", "day"):
        return "night"
    return mood


def _pick(root: str, part: str, names: tuple[str, ...]) -> str:
    return names[int(generator(root, part).integers(len(names)))]


def _varied(palette: Palette, chance: np.random.Generator) -> Palette:
    """The same light on another day: every hue a little turned, saturation a little moved."""
    turn = float(chance.normal(0, 0.05))
    richness = float(chance.uniform(0.92, 1.12))

    def shift(colour: Field) -> Field:
        grey = np.full(3, float(colour @ LUMA), dtype=np.float32)
        turned = colour + np.float32(turn) * (np.roll(colour, 1) - np.roll(colour, -1))
        return np.clip(mix(grey, turned.astype(np.float32), richness), 0, 1)

    return Palette(
        tuple(shift(stop) for stop in palette.sky),
        shift(palette.sun),
        shift(palette.haze),
        shift(palette.near),
        (shift(palette.accents[0]), shift(palette.accents[1])),
        palette.is_dark,
    )
