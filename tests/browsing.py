"""A real Chromium: where it is, how it is started here, and what a page may not do."""

import shutil
from typing import TYPE_CHECKING

from tests.spawning import Missing

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        raise Missing("Chromium is not installed (Debian: apt-get install chromium).")
    return found


def watch(page: "Page", faults: list[str]) -> None:
    """Collect what a page does wrong on its own, whatever the test looks at."""
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
