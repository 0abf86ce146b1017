"""A block of the catalogue that cannot be served is refused by file, name and reason."""

import re
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from generations import checks
from generations.catalog import spec
from generations.catalog.spec import BrokenCatalog, UnknownModel, catalog, find, load
from generations.protocols import registry

SOUND = """
[tiny]
name = "Tiny"
family = "Test"
blurb = "Small."
images = 1
credits = 1
seconds = 5
deadline_seconds = 60
prompt_characters_max = 100
[[tiny.parameters]]
name = "style"
label = "Style"
kind = "choice"
choices = ["a", "b"]
default = "a"
[[tiny.offerings]]
protocol = "journeyapi"
remote_id = "tiny"
"""
BREAKS = [
    ('name = "Tiny"', "", "missing name"),
    ('name = "Tiny"', 'name = "Tiny"\ncolour = "red"', "unknown key colour"),
    ("images = 1", "images = 0", "images must be a whole number of at least 1"),
    ("images = 1", "images = 4\ncount_max = 2", "one at a time"),
    ("credits = 1", "credits = 0", "credits must be a whole number of at least 1"),
    ("credits = 1", 'credits = "one"', "credits must be a whole number"),
    ("credits = 1", "credits = 1.5", "credits must be a whole number"),
    ("credits = 1", "credits = true", "credits must be a whole number"),
    ("seconds = 5", "seconds = -1", "seconds must be a whole number of at least 1"),
    ("deadline_seconds = 60", "deadline_seconds = 0", "deadline_seconds must be a whole"),
    ('blurb = "Small."', 'blurb = "Small."\ngrammar = "latin"', "grammar 'latin'"),
    ('kind = "choice"', 'kind = "colour"', "kind 'colour' is none of"),
    ('default = "a"', 'default = "c"', "default 'c' is not among"),
    ('default = "a"', "", "missing default"),
    ('kind = "choice"', 'kind = "text"', "text needs characters_max"),
    ('kind = "choice"', 'kind = "integer"', "invalid literal"),
    ('remote_id = "tiny"', "", "missing remote_id"),
    ('remote_id = "tiny"', 'remote_id = "tiny"\nprice = 4', "unknown key price"),
]


def written(folder: Path, text: str) -> Path:
    path = folder / "broken.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sound_block_is_read(tmp_path: Path):
    [tiny] = load(written(tmp_path, SOUND))

    assert (tiny.id, tiny.credits, tiny.count_max) == ("tiny", 1, 1)
    assert tiny.parameters[0].choices == ("a", "b")
    assert tiny.offerings[0].remote_id == "tiny"


@pytest.mark.parametrize(("sound", "broken", "reason"), BREAKS)
def test_a_broken_block_is_refused_with_file_block_and_reason(
    tmp_path: Path, sound: str, broken: str, reason: str
):
    assert sound in SOUND

    with pytest.raises(BrokenCatalog, match=re.escape(reason)) as refused:
        load(written(tmp_path, SOUND.replace(sound, broken, 1)))

    assert str(refused.value).startswith("broken.toml, [tiny]: ")


def test_a_model_that_nobody_sells_is_refused(tmp_path: Path):
    text = SOUND.partition("[[tiny.offerings]]")[0]

    with pytest.raises(BrokenCatalog, match="nobody sells it"):
        load(written(tmp_path, text))


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path):
    with pytest.raises(BrokenCatalog, match=r"broken\.toml: "):
        load(written(tmp_path, "[tiny\nname ="))


def test_an_unknown_model_is_said_to_be_unknown():
    with pytest.raises(UnknownModel):
        find("dall-e-9")


def test_the_catalogue_holds_what_can_be_ordered():
    assert {m.id: (m.images, m.credits) for m in catalog().values()} == {
        "midjourney": (4, 4),
        "flux-schnell": (1, 1),
    }
    assert all(registry.is_known(o.protocol) for m in catalog().values() for o in m.offerings)


def test_the_system_check_is_silent_about_a_sound_catalogue():
    assert checks.catalog_is_sound() == []
    assert not [m for m in run_checks() if str(m.id).startswith("generations.")]


@pytest.mark.parametrize(
    ("text", "identifier", "words"),
    [
        (SOUND.replace("images = 1", "images = 0"), "generations.E001", "broken.toml, [tiny]"),
        (SOUND.replace("journeyapi", "telepathy"), "generations.E002", "'telepathy'"),
        (SOUND + SOUND.replace("tiny", "tiny2"), "", ""),
    ],
)
def test_the_system_check_reports_a_broken_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, identifier: str, words: str
):
    written(tmp_path, text)
    monkeypatch.setattr(spec, "FOLDER", tmp_path)
    catalog.cache_clear()
    try:
        found = checks.catalog_is_sound()
    finally:
        catalog.cache_clear()

    assert [m.id for m in found] == ([identifier] if identifier else [])
    assert all(words in str(m.msg) for m in found)


@pytest.mark.parametrize("process", ["run", "web", "worker"])
def test_a_broken_catalogue_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: str
):
    written(tmp_path, SOUND.replace("images = 1", "images = 0"))
    monkeypatch.setattr(spec, "FOLDER", tmp_path)
    catalog.cache_clear()
    try:
        with pytest.raises(SystemCheckError, match=r"broken\.toml, \[tiny\]: images must be"):
            call_command(process, skip_checks=False)
    finally:
        catalog.cache_clear()


def test_two_blocks_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "one.toml").write_text(SOUND, encoding="utf-8")
    (tmp_path / "two.toml").write_text(SOUND, encoding="utf-8")
    monkeypatch.setattr(spec, "FOLDER", tmp_path)
    catalog.cache_clear()
    try:
        with pytest.raises(BrokenCatalog, match="taken by another block"):
            catalog()
    finally:
        catalog.cache_clear()
