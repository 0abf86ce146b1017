"""Take the pictures of the README from the real product: python -m tests.journeys.screenshots OUT

Each page is taken at 1440 and 390 pixels, light and dark.
"""

import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from imagestudio.lib.ids import new_id
from tests.browsing import CHROMIUM_ARGS, chromium
from tests.journeys import hands
from tests.journeys.backstage import Backstage, Person
from tests.studio import Studio

QUALITY = 80
# Oldest first; what stands in a stream or a gallery begins with the last one.
WORK = (
    ("a lighthouse on a basalt cliff, storm clearing, long exposure", "flux-schnell"),
    ("a portrait of an old fisherman, window light --ar 3:4", "midjourney"),
    ("a spiral galaxy above a dark planet", "flux-schnell"),
    ("a still life with a blue vase and two pears --ar 4:3", "midjourney"),
    ("dunes of the desert under a low sun, long shadows --ar 21:9", "midjourney"),
    ("a misty pine forest at dawn, first light between the trunks --ar 3:2", "midjourney"),
    ("terraced hills at dusk seen from a train window, warm rim light --ar 2:3", "midjourney"),
    ("a banner for a protest march [content-filter]", "midjourney"),
    ("a cyberpunk cityscape at night, neon lights on wet streets --ar 16:9", "midjourney"),
)
RENDERING = "mountains above a sea of fog, the last light on the peaks --ar 16:9"
RENDERED_PERCENT = 25
TRIES = 5

Scene = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Look:
    scheme: Literal["light", "dark"]
    is_phone: bool

    @property
    def size(self) -> ViewportSize:
        return {"width": 390, "height": 844} if self.is_phone else {"width": 1440, "height": 900}

    @property
    def name(self) -> str:
        return f"{self.size['width']}-{self.scheme}"


LOOKS = (Look("light", False), Look("dark", False), Look("light", True), Look("dark", True))


class Photographer:
    """Saves what a window shows, once for each size and scheme."""

    def __init__(self, browser: Browser, *, home: str, folder: Path) -> None:
        self._browser = browser
        self._home = home
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, name: str, scene: Scene, *, person: Person | None = None) -> None:
        for look in LOOKS:
            page = self.window(look, person=person)
            scene(page)
            self.save(page, name, look)
            page.context.close()

    def window(self, look: Look, *, person: Person | None = None) -> Page:
        context = self._browser.new_context(
            base_url=self._home,
            viewport=look.size,
            color_scheme=look.scheme,
            reduced_motion="reduce",
            locale="en-GB",
            device_scale_factor=2 if look.is_phone else 1,
            has_touch=look.is_phone,
            is_mobile=look.is_phone,
        )
        if person:
            session = {"name": person.cookie, "value": person.session, "url": self._home}
            context.add_cookies([session])  # type: ignore[list-item]
        return context.new_page()

    def save(self, page: Page, name: str, look: Look) -> None:
        settle(page)
        image = Image.open(io.BytesIO(page.screenshot()))
        target = self._folder / f"{name}-{look.name}.webp"
        image.convert("RGB").save(target, "WEBP", quality=QUALITY, method=6)


def settle(page: Page) -> None:
    """Fonts are there, and so is every picture in view."""
    page.evaluate("() => document.fonts.ready")
    page.evaluate(
        """() => Promise.all([...document.images].filter((i) => {
          const box = i.getBoundingClientRect();
          return box.top < innerHeight && box.bottom > 0 && box.width;
        }).map((i) => i.decode()))"""
    )


def main(folder: Path) -> None:
    with Studio() as studio, Backstage(studio) as backstage, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        photographer = Photographer(browser, home=studio.url, folder=folder)
        take_all(photographer, backstage)
        browser.close()
    total = sum(path.stat().st_size for path in folder.glob("*.webp"))
    print(f"{len(list(folder.glob('*.webp')))} pictures, {total / 1e6:.2f} MB in {folder}")


def take_all(photographer: Photographer, backstage: Backstage) -> None:
    newcomer, owner = backstage.person(), backstage.person(credits=100)
    photographer.take("log-in", lambda page: _go(page, "/accounts/login/"))
    photographer.take("empty", lambda page: _go(page, "/"), person=newcomer)
    photographer.take("sign-up", lambda page: _go(page, "/accounts/signup/"))
    photographer.take("mailbox", _mailbox)
    for prompt, model in WORK:
        backstage.order(owner, [prompt], model=model)
        backstage.wait_for(owner, seconds=120)
    photographer.take("gallery", lambda page: _go(page, "/gallery/"), person=owner)
    photographer.take("image", _image, person=owner)
    photographer.take("credits", lambda page: _go(page, "/credits/"), person=owner)
    photographer.take("ready", lambda page: _go(page, "/"), person=owner)
    take_rendering(photographer, backstage, owner)


def take_rendering(photographer: Photographer, backstage: Backstage, owner: Person) -> None:
    """It takes eight seconds, so all windows watch the same one. A slow camera tries again."""
    pages = {look: photographer.window(look, person=owner) for look in LOOKS}
    for _ in range(TRIES):
        backstage.order(owner, [RENDERING])
        for page in pages.values():
            page.goto("/")
        if all(_is_caught(photographer, page, look) for look, page in pages.items()):
            return
        backstage.wait_for(owner)
    raise SystemExit("This machine is too busy to catch a picture while it renders.")


def _is_caught(photographer: Photographer, page: Page, look: Look) -> bool:
    card = hands.newest(page)
    try:
        page.wait_for_function(
            "(p) => Number(document.querySelector('article.card').dataset.percent) >= p",
            arg=RENDERED_PERCENT,
            timeout=10_000,
        )
    except PlaywrightTimeout:
        return False
    photographer.save(page, "create", look)
    return card.get_attribute("data-word") == "Rendering"


def _go(page: Page, path: str) -> None:
    page.goto(path)


def _mailbox(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("Email").fill(f"grace.{new_id().hex[-6:]}@example.com")
    page.get_by_label("Password").fill("a long walk by the sea")
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/confirm-email/**")
    page.goto("/mailbox/")


def _image(page: Page) -> None:
    page.goto("/gallery/")
    page.get_by_role("link", name=re.compile("^a cyberpunk.*image 1 of 4")).click()
    expect(page.get_by_text("Safe in your library")).to_be_visible()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
