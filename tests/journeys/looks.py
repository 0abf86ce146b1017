"""Is a page in order for everybody: axe, dark and light, on a desk and on a phone."""

import json
from collections.abc import Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
# What depends on colours; the rest of the page is the same in both schemes.
COLOURS = ("color-contrast", "link-in-text-block")


def audit(page: Page) -> None:
    """On a desk in light and on a phone in dark: a state that a journey comes by."""
    _audit(page, [(DESK, "light", ()), (PHONE, "dark", ())])


def audit_all(page: Page) -> None:
    """The colours of the other two as well: for each page, once."""
    rest = [(DESK, "dark", COLOURS), (PHONE, "light", COLOURS)]
    _audit(page, [(DESK, "light", ()), (PHONE, "dark", ()), *rest])


def _audit(page: Page, looks: Sequence[tuple[Any, Any, tuple[str, ...]]]) -> None:
    before = page.viewport_size
    faults = [fault for size, scheme, rules in looks for fault in _look(page, size, scheme, rules)]
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)
    assert faults == [], "\n".join(faults)


def _look(page: Page, size: Any, scheme: Any, rules: tuple[str, ...]) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    # Colours on their way from one scheme to the other are nobody's fault.
    page.evaluate("() => document.getAnimations().forEach((a) => a.effect && a.finish())")
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found: Any = page.evaluate(f"() => axe.run(document, {json.dumps(options)})")
    place = f"{page.url} {size['width']} {scheme}"
    return [
        f"{place}: {fault['id']} at {node['target']}: {node['html'][:160]}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]
