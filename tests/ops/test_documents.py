"""The documents name tests and files that exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.studio import CHECKOUT

DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
FEATURES = CHECKOUT / "docs" / "features.md"
TEST_ID = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
ROW = re.compile(r"^\| (?!---|feature|\*\*)(.+?) \| (.*) \|$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")


def names_in(module: Path) -> set[str]:
    if not module.is_file():
        return set()
    tree = ast.parse(module.read_text(encoding="utf-8"))
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name for node in found if node.name.startswith("test_")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(document: Path):
    ids = TEST_ID.findall(document.read_text(encoding="utf-8"))

    missing = [f"{file}::{name}" for file, name in ids if name not in names_in(CHECKOUT / file)]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_somewhere(document: Path):
    links = LINK.findall(document.read_text(encoding="utf-8"))

    broken = [link for link in links if not (document.parent / link).exists()]

    assert broken == []


def test_each_feature_names_its_test():
    rows = ROW.findall(FEATURES.read_text(encoding="utf-8"))

    assert len(rows) > 20
    assert [feature for feature, shown_by in rows if not TEST_ID.search(shown_by)] == []
