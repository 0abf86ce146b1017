"""The templates and static files as text: what their rules are checked on."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
# What stands in a template's tag is not what the browser gets.
TAG = re.compile(r"{%.*?%}")


def pages() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


def styles() -> list[Path]:
    return sorted((STATIC / "css").rglob("*.css"))


def scripts() -> list[Path]:
    return sorted((STATIC / "js").rglob("*.js"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def found(pattern: str, paths: list[Path]) -> list[str]:
    """Each place in our own files where the pattern stands, named so that it can be gone to."""
    places = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(pattern, TAG.sub("", line)):
                places.append(f"{named(path)}:{number}: {line.strip()}")
    return places
