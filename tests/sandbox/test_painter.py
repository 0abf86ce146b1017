"""The pictures: the same for the same words, four siblings, a sheet that is their grid."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from generations.sandbox import painter, palettes
from generations.sandbox.scenes import SCENES

PROMPTS = {
    "city": "a cyberpunk cityscape at night, neon lights reflecting on wet streets --ar 16:9",
    "sea": "calm sea at dawn",
    "forest": "a majestic elk in a misty forest at dawn, photorealistic",
    "desert": "dunes in the golden hour",
    "snow": "snowy peaks in winter",
    "space": "a nebula and a planet",
    "portrait": "portrait of a samurai",
    "still": "product photo of a ceramic teapot on raw linen",
    "abstract": "geometric gradient poster",
    "ridges": "terraced hills at dusk seen from a train window",
}


def pixels(png: bytes, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
    with Image.open(io.BytesIO(png)) as picture:
        shown = picture.convert("RGB")
        if size:
            shown = shown.resize(size, Image.Resampling.LANCZOS)
        return np.asarray(shown, dtype=np.float32)


@pytest.mark.parametrize(("scene", "prompt"), PROMPTS.items())
def test_words_choose_the_scene_and_the_same_words_paint_the_same_picture(
    scene: str, prompt: str
) -> None:
    assert palettes.brief(prompt, seed="7", panel=0).scene == scene
    first = painter.paint(prompt, seed="7", width=160, height=96, panel=1)
    assert first == painter.paint(prompt, seed="7", width=160, height=96, panel=1)
    assert first != painter.paint(prompt, seed="8", width=160, height=96, panel=1)
    assert first != painter.paint(prompt, seed="7", width=160, height=96, panel=2)


def test_every_scene_has_a_prompt_here() -> None:
    assert set(PROMPTS) == set(SCENES)


@pytest.mark.parametrize("prompt", PROMPTS.values())
@pytest.mark.parametrize("size", [(64, 64), (64, 512), (512, 64), (150, 101)])
def test_any_shape_can_be_painted(prompt: str, size: tuple[int, int]) -> None:
    for panel in range(4):
        png = painter.paint(prompt, seed="1", width=size[0], height=size[1], panel=panel)
        shown = pixels(png)
        assert shown.shape == (size[1], size[0], 3)
        assert shown.std() > 4


def test_the_sheet_is_a_true_grid_of_the_four_panels() -> None:
    panels = [painter.paint("sea", seed="1", width=320, height=180, panel=n) for n in range(4)]
    sheet = pixels(painter.sheet(panels, width=320, height=180))
    for position, panel in enumerate(panels):
        down, across = position // 2 * 90, position % 2 * 160
        quadrant = sheet[down : down + 90, across : across + 160]
        assert np.abs(quadrant - pixels(panel, (160, 90))).mean() < 1


@pytest.mark.parametrize("prompt", PROMPTS.values())
def test_siblings_share_their_palette_and_strangers_do_not_compose_alike(prompt: str) -> None:
    panels = [
        pixels(painter.paint(prompt, seed="3", width=160, height=90, panel=n)) for n in range(4)
    ]
    means = np.array([panel.mean(axis=(0, 1)) for panel in panels])
    assert np.ptp(means, axis=0).max() < 70
    for first in range(4):
        for second in range(first):
            assert np.abs(panels[first] - panels[second]).mean() > 3


def test_scenes_look_different_from_one_another() -> None:
    small = {
        scene: pixels(painter.paint(prompt, seed="5", width=160, height=96), (16, 10))
        for scene, prompt in PROMPTS.items()
    }
    names = list(small)
    for place, first in enumerate(names):
        for second in names[:place]:
            assert np.abs(small[first] - small[second]).mean() > 12, (first, second)


@pytest.mark.parametrize(
    ("prompt", "ratio", "is_grid", "size"),
    [
        ("x", "1:1", True, (1024, 1024)),
        ("x", "16:9", True, (1456, 816)),
        ("x --ar 16:9", "1:1", True, (1456, 816)),
        ("x --aspect 9:16", "1:1", True, (816, 1456)),
        ("x --ar 1:1 --ar 2:3", "16:9", True, (832, 1248)),
        ("x", "1:1", False, (1024, 1024)),
        ("x", "16:9", False, (1360, 768)),
        ("x [512px]", "16:9", False, (512, 288)),
        ("x [512px] --ar 2:1", "1:1", True, (512, 256)),
        ("x --ar 9999:1", "1:1", True, (2048, 64)),
        ("x --ar 0:0", "nonsense", False, (1024, 1024)),
    ],
)
def test_sizes_follow_the_ratio_and_the_prompt_wins(
    prompt: str, ratio: str, is_grid: bool, size: tuple[int, int]
) -> None:
    assert painter.size(prompt, aspect_ratio=ratio, is_grid=is_grid) == size


@pytest.mark.parametrize("prompt", ["", "\ud800 \0", "雪の山", "[x] --ar", "a" * 20_000])
def test_odd_prompts_are_painted_too(prompt: str) -> None:
    assert pixels(painter.paint(prompt, seed="", width=64, height=64)).shape == (64, 64, 3)
