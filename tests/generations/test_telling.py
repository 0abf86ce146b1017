"""What pages tell of generations: the lines of the ledger, the order of the gallery."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.billing import queries as money
from accounts.viewer import Viewer, viewer_of
from generations import queries
from generations.models import ProviderAccount, Status
from tests.generations import world
from tests.generations.driving import work
from tests.generations.scripted import FETCH, Scripted, file
from tests.upstream import png

pytestmark = pytest.mark.django_db


def notes(viewer: Viewer) -> list[str]:
    return [line.note for line in money.lines(viewer, money.ledger(viewer))]


def test_a_line_of_the_ledger_says_what_was_asked_for(client: Client, rich: Viewer):
    row = world.ready(rich)
    world.change(row, prompt="a heron at <dawn>")
    assert "a heron at &lt;dawn&gt;" in client.get(reverse("credits")).text


def test_a_teammate_reads_the_amount_and_not_the_private_prompt(rich: Viewer):
    author, _ = world.person("author@example.com")
    reader, _ = world.person("reader@example.com")
    team = world.teammates(author, reader)
    theirs = viewer_of(author, team=team)
    world.fund(theirs, 10)
    row = world.ready(theirs)
    world.change(row, prompt="a secret garden", visibility="private")
    assert "a secret garden" in notes(theirs)
    assert "a secret garden" not in notes(viewer_of(reader, team=team))


@pytest.mark.django_db(transaction=True)
def test_the_gallery_shows_a_sheet_together_and_in_order(
    rich: Viewer, odd: ProviderAccount, scripted: Scripted
):
    row = world.under_way(rich, odd, model="midjourney")
    remote_id = world.attempt_of(row).remote_id
    paths = ["/0.png", "/1.png", "/2.png", "/3.png"]
    for path in paths:
        scripted.on(path, file(png(60, 40)))
    scripted.on(FETCH, lambda _: scripted.finished(remote_id, panels=paths))
    work(row)
    assert world.fresh(row).status == Status.SUCCEEDED
    assert [asset.position for asset in queries.gallery(rich)] == [0, 1, 2, 3]
