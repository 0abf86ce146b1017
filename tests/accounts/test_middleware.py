import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Team, User


@pytest.fixture(autouse=True)
def _probes(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.probes"


def test_a_view_finds_team_and_viewer_in_one_query(
    client: Client, user: User, team: Team, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session, person, seat = 1, 1, 1
    with django_assert_num_queries(session + person + seat):
        told = client.get("/told").json()
    assert told == {"team": team.pk, "viewer": [user.pk, team.pk, "owner"]}


def test_a_page_that_does_not_ask_makes_no_query(
    client: Client, visitor: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert client.get("/silent").status_code == 200
        assert visitor.get("/silent").status_code == 200


def test_a_stranger_on_an_unguarded_view_is_refused(visitor: Client) -> None:
    assert visitor.get("/told").status_code == 403


def test_an_async_view_waits_for_the_viewer(user: User, team: Team) -> None:
    client = AsyncClient()
    client.force_login(user)
    answer = async_to_sync(client.get)("/told-async")
    assert answer.json() == {"viewer": [user.pk, team.pk, "owner"]}


def test_an_async_page_that_does_not_ask_makes_no_query(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = AsyncClient()
    client.force_login(user)
    with django_assert_num_queries(0):
        assert async_to_sync(client.get)("/silent-async").status_code == 200


def test_under_asgi_strangers_are_refused_and_plain_views_work(user: User, team: Team) -> None:
    stranger, client = AsyncClient(), AsyncClient()
    client.force_login(user)
    assert async_to_sync(stranger.get)("/told-async").status_code == 403
    assert async_to_sync(client.get)("/told").json()["team"] == team.pk
