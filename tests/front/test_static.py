"""Rules that hold for every style sheet and script."""

import re
from urllib.parse import unquote

from tests.front.files import STATIC, TEMPLATES, found, named, pages, scripts, styles

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
COMPONENTS = [path for path in styles() if path.name != "tokens.css"]


def test_colours_and_lengths_stand_in_the_tokens_alone() -> None:
    places = found(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(|\boklch\(", COMPONENTS)
    # Media queries cannot read tokens.
    lengths = found(r"^(?!\s*@media).*[\d.](px|rem|em|ch|vw|vh|dvh|svh)\b", COMPONENTS)
    assert places + lengths == []


def test_nothing_is_forced_and_nothing_is_styled_by_id() -> None:
    assert found(r"!important", styles()) == []
    ours = [path for path in COMPONENTS if path.name != "admin.css"]
    assert found(r"^\s*[^@{:/*]*#[a-z][\w-]*[^;]*[{,]\s*$", ours) == []


def test_every_token_that_is_used_is_defined() -> None:
    text = {path: path.read_text(encoding="utf-8") for path in styles()}
    defined = {name for css in text.values() for name in re.findall(r"(--[\w-]+)\s*:", css)}
    for path, css in text.items():
        unknown = set(re.findall(r"var\((--[\w-]+)", css)) - defined
        assert not unknown, f"{named(path)}: {unknown}"


def test_every_style_sheet_is_loaded_and_every_address_in_it_exists() -> None:
    loaded = "".join(path.read_text(encoding="utf-8") for path in pages())
    for path in styles():
        assert str(path.relative_to(STATIC)) in loaded, named(path)
        for address in re.findall(r"url\(\"?([^\")]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / unquote(address)).resolve().is_file(), address


def test_no_style_or_script_names_another_host() -> None:
    places = found(r"https?://", styles() + scripts() + sorted((STATIC / "img").glob("*.svg")))
    assert [place for place in places if SVG_NAMESPACE not in place] == []


def test_scripts_import_what_exists_and_put_no_text_in_as_markup() -> None:
    for path in scripts():
        for address in re.findall(r"from \"(\./[^\"]+)\"", path.read_text(encoding="utf-8")):
            assert (path.parent / address).resolve().is_file(), f"{named(path)}: {address}"
    assert (
        found(r"innerHTML|outerHTML\s*=|insertAdjacentHTML|\beval\(|new Function", scripts()) == []
    )


def test_every_behavior_that_a_template_asks_for_is_known() -> None:
    asked = set()
    for path in sorted(TEMPLATES.rglob("*.html")):
        for names in re.findall(r"data-behavior=\"([^\"]+)\"", path.read_text(encoding="utf-8")):
            asked |= set(re.sub(r"{%.*?%}", " ", names).split())
    app = (STATIC / "js" / "app.js").read_text(encoding="utf-8")
    known = set(re.findall(r"behaviors/([\w-]+)\.js", app))
    assert asked <= known, asked - known
    assert known <= {path.stem for path in scripts()}


def test_vendored_files_keep_their_licence_and_no_source_map() -> None:
    for folder in sorted((STATIC / "vendor").iterdir()):
        assert (folder / "LICENSE").is_file(), folder.name
    assert list((STATIC / "vendor").rglob("*.map")) == []
