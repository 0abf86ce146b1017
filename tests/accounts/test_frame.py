from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import frame
from accounts.billing import credits
from accounts.billing.models import LotKind
from accounts.models import Team, User
from accounts.viewer import Viewer


@pytest.fixture(autouse=True)
def _probes(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.probes"


@pytest.fixture
def _registry_is_restored() -> Iterator[None]:
    before = dict(frame._providers)
    yield
    frame._providers.clear()
    frame._providers.update(before)


def shown(client: Client, template: str) -> str:
    return client.get("/shown", {"template": template}).content.decode()


def test_the_frame_names_person_and_workspace(client: Client, user: User, team: Team) -> None:
    template = "{{ frame.user.name }}|{{ frame.team.name }}|{{ frame.team.is_personal }}"
    assert shown(client, template) == f"{user.name}|{team.name}|True"


def test_the_frame_tells_what_can_be_spent(client: Client, team: Team) -> None:
    with transaction.atomic():
        credits.deposit(team.pk, credits=9, kind=LotKind.PAID, key="pack")
        credits.hold(team.pk, credits=4, reference="one")
    template = "{{ frame.balance.balance }} {{ frame.balance.held }} {{ frame.balance.available }}"
    assert shown(client, template) == "9 4 5"


def test_the_frame_of_a_stranger_is_empty(visitor: Client) -> None:
    template = "{{ frame.user }} {{ frame.team }} {{ frame.balance }} {{ frame.open_count }}"
    assert shown(visitor, template) == "None None None 0"


def test_what_a_page_does_not_show_is_not_read(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        shown(client, "{{ frame.site_name }} {{ frame.active }} {{ frame.demo_mailbox }}")


def test_what_a_page_shows_twice_is_read_once(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session, person, seat, wallet = 1, 1, 1, 1
    with django_assert_num_queries(session + person + seat + wallet):
        shown(client, "{{ frame.balance.held }}{{ frame.balance.balance }}{{ frame.team.name }}")


@pytest.mark.usefixtures("_registry_is_restored")
def test_another_app_provides_the_count_of_open_work(client: Client, team: Team) -> None:
    def count(viewer: Viewer) -> int:
        assert viewer.team_id == team.pk
        return 3

    frame.register("open_count", count)
    assert shown(client, "{{ frame.open_count }}") == "3"


@pytest.mark.usefixtures("_registry_is_restored")
def test_without_another_app_nothing_is_open(client: Client) -> None:
    frame._providers.clear()
    assert shown(client, "{{ frame.open_count }}") == "0"


def test_the_frame_knows_its_page(client: Client) -> None:
    assert shown(client, "{{ frame.active }}") == "shown"
