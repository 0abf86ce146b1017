"""Rules that hold for every template, so that no page can forget them."""

import re
import subprocess
import sys
from pathlib import Path

import allauth
import pytest
from django.template.loader import get_template

from tests.front.files import ROOT, STATIC, TEMPLATES, found, pages

# They must come out when nothing else works, so they stand on their own.
ALONE = {"base.html", "400.html", "500.html", "503.html"}
ALLAUTH = Path(allauth.__file__).parent / "templates"
STATIC_TAG = r"""{%\s*static\s+['"]([^'"]+)['"]"""


def test_templates_pass_djlint() -> None:
    lint = subprocess.run(
        [sys.executable, "-m", "djlint", "templates", "--lint"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout


@pytest.mark.parametrize(
    "pattern",
    [
        r"<style\b",
        r"\sstyle\s*=",
        r"\son[a-z]+\s*=\s*[\"']",
        r"\shx-on",
        r"javascript:",
        r"<script(?![^>]*\ssrc=)",
    ],
)
def test_no_template_holds_a_script_or_a_style(pattern: str) -> None:
    assert found(pattern, pages()) == []


def test_no_template_names_another_host() -> None:
    assert found(r"https?://|[\"']//", pages()) == []


def test_every_template_is_a_page_a_part_or_stands_alone() -> None:
    strays = []
    for path in pages():
        first = path.read_text(encoding="utf-8").lstrip().splitlines()[0]
        is_part = first.startswith("{# " + str(path.relative_to(TEMPLATES)))
        if not first.startswith("{% extends") and not is_part and path.name not in ALONE:
            strays.append(str(path.relative_to(TEMPLATES)))
    assert strays == []


def test_every_page_ends_at_the_one_base() -> None:
    for path in pages():
        name = str(path.relative_to(TEMPLATES))
        if name.startswith("admin/") or not _parent(name):
            continue
        last = name
        while parent := _parent(last):
            last = parent
        assert last == "base.html", f"{name} ends at {last}"


def _parent(name: str) -> str:
    # What we do not replace (allauth's own steps in between) extends one of ours again.
    folder = TEMPLATES if (TEMPLATES / name).exists() else ALLAUTH
    head = (folder / name).read_text(encoding="utf-8").lstrip().splitlines()[0]
    return head.split('"')[1] if head.startswith('{% extends "') else ""


def test_every_static_file_that_is_named_exists() -> None:

    missing = [
        f"{path.name}: {name}"
        for path in pages()
        for name in re.findall(STATIC_TAG, path.read_text(encoding="utf-8"))
        if not (STATIC / name).is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("name", [str(path.relative_to(TEMPLATES)) for path in pages()])
def test_every_template_compiles(name: str) -> None:
    get_template(name)
