"""Credits from the console."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from accounts.billing.models import Grant, Lot
from accounts.models import Membership, Role, Team, User
from tests.billing.money import give, promise, sums

pytestmark = pytest.mark.django_db


def test_a_grant_is_deposited_with_its_reason(
    user: User, team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("credits", "grant", "Ada@Example.com", "30", "--reason", "A late picture")
    assert json.loads(capsys.readouterr().out) == {"balance": 30, "held": 0, "available": 30}
    assert sums(team) == (30, 0)
    given = Grant.objects.get()
    assert (given.reason, given.by, given.entry.amount) == ("A late picture", None, 30)
    lot = Lot.objects.get()
    assert (lot.kind, lot.expires_at) == ("paid", None)


def test_every_grant_is_one_more(user: User, team: Team) -> None:
    for _ in range(2):
        call_command("credits", "grant", user.email, "5", "--reason", "Again")
    assert sums(team) == (10, 0)


def test_a_grant_may_be_promotional_and_end(user: User) -> None:
    call_command(
        "credits", "grant", user.email, "5", "--reason", "Trial",
        "--promotional", "--expires", "2999-12-31",
    )  # fmt: skip
    lot = Lot.objects.get()
    assert lot.kind == "promotional"
    assert lot.expires_at == datetime(2999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def test_a_grant_may_go_to_a_team_of_the_person(user: User, team: Team) -> None:
    acme = Team.objects.create(slug="acme", name="Acme")
    Membership.objects.create(user=user, team=acme, role=Role.MEMBER)
    call_command("credits", "grant", user.email, "5", "--reason", "Start", "--team", "acme")
    assert (sums(acme), sums(team)) == ((5, 0), (0, 0))


def test_the_balance_is_one_json_object(
    user: User, team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    give(team, 10)
    promise(team, 4)
    call_command("credits", "balance", user.email)
    assert json.loads(capsys.readouterr().out) == {"balance": 10, "held": 4, "available": 6}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grant", "eve@example.com", "5", "--reason", "x"], "Nobody here has the address"),
        (["balance", "eve@example.com"], "Nobody here has the address"),
        (["balance", "ada@example.com", "--team", "acme"], "in no team with the slug acme"),
        (["grant", "ada@example.com", "0", "--reason", "x"], "Grant from 1 to"),
        (["grant", "ada@example.com", "-5", "--reason", "x"], "Grant from 1 to"),
        (["grant", "ada@example.com", "many", "--reason", "x"], "invalid int value"),
        (["grant", "ada@example.com", "5"], "--reason"),
        (["grant", "ada@example.com", "5", "--reason", " "], "Give a reason"),
        (["grant", "ada@example.com", "5", "--reason", "x" * 301], "at most 300"),
        (["grant", "ada@example.com", "5", "--reason", "x", "--expires", "soon"], "is no date"),
        (["grant", "ada@example.com", "5", "--reason", "x", "--expires", "2020-01-01"], "passed"),
    ],
)
def test_a_mistake_is_explained_and_moves_nothing(
    user: User, team: Team, words: list[str], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("credits", *words)
    assert sums(team) == (0, 0)
