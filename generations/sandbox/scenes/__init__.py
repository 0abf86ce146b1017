"""One scene a module; each offers `draw(canvas, brief)`."""

from collections.abc import Callable, Mapping

from generations.sandbox.brush import Canvas
from generations.sandbox.palettes import Brief
from generations.sandbox.scenes import (
    abstract,
    city,
    desert,
    forest,
    portrait,
    ridges,
    sea,
    space,
    still,
)

SCENES: Mapping[str, Callable[[Canvas, Brief], None]] = {
    "abstract": abstract.draw,
    "city": city.draw,
    "desert": desert.draw,
    "forest": forest.draw,
    "portrait": portrait.draw,
    "ridges": ridges.draw,
    "sea": sea.draw,
    "snow": ridges.draw_snow,
    "space": space.draw,
    "still": still.draw,
}
