"""In the admin, money is read; it is given, with a reason; and nothing else."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.billing.models import Grant, Hold, LedgerEntry, Lot
from accounts.models import Membership, Role, Team, User
from accounts.teams import create_user
from imagestudio.lib.ids import new_id
from tests.billing.money import give, promise, spend, sums

pytestmark = pytest.mark.django_db
TABLES = ["wallet", "lot", "hold", "ledgerentry", "lotdraw", "grant"]
GRANT = "/admin/billing/grant/add/"


@pytest.fixture
def admin() -> User:
    return create_user("boss@example.com", password="a long way to go", is_admin=True)


@pytest.fixture
def desk(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def answers(team: Team) -> dict[str, str]:
    return {
        "recipient": "ada@example.com",
        "credits": "25",
        "kind": "promotional",
        "last_day": "",
        "reason": "For patience",
        "key": str(new_id()),
    }


@pytest.fixture
def _money(team: Team) -> None:
    give(team, 10)
    spend(team, 4)
    promise(team, 1)


@pytest.mark.usefixtures("_money")
@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_listed_and_searched(desk: Client, table: str) -> None:
    assert desk.get(f"/admin/billing/{table}/").status_code == 200
    assert desk.get(f"/admin/billing/{table}/", {"q": "capture"}).status_code == 200


@pytest.mark.usefixtures("_money")
@pytest.mark.parametrize("table", [table for table in TABLES if table != "grant"])
def test_rows_are_shown_and_cannot_be_added_changed_or_deleted(
    desk: Client, team: Team, table: str
) -> None:
    rows = desk.get(f"/admin/billing/{table}/").context["cl"].result_list
    row = rows[0]
    place = f"/admin/billing/{table}/{row.pk}/"
    assert desk.get(f"{place}change/").status_code == 200
    assert desk.post(f"{place}change/", {"amount": 99, "credits": 99}).status_code == 403
    assert desk.post(f"{place}delete/", {"post": "yes"}).status_code == 403
    assert desk.post(f"/admin/billing/{table}/add/", {"credits": 99}).status_code == 403
    desk.post(
        f"/admin/billing/{table}/",
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert (sums(team), LedgerEntry.objects.count()) == ((6, 1), 2)
    assert (Lot.objects.count(), Hold.objects.count()) == (1, 2)


def test_a_grant_records_reason_and_actor(
    desk: Client, admin: User, team: Team, answers: dict[str, str]
) -> None:
    assert desk.post(GRANT, answers).status_code == 302
    given = Grant.objects.get()
    assert (given.reason, given.by, given.entry.amount) == ("For patience", admin, 25)
    assert sums(team) == (25, 0)
    assert Lot.objects.get().kind == "promotional"


def test_a_grant_may_go_to_a_team_by_its_slug(
    desk: Client, user: User, answers: dict[str, str]
) -> None:
    acme = Team.objects.create(slug="acme", name="Acme")
    Membership.objects.create(user=user, team=acme, role=Role.OWNER)
    desk.post(GRANT, {**answers, "recipient": "acme"})
    assert sums(acme) == (25, 0)


def test_a_double_click_grants_once(desk: Client, team: Team, answers: dict[str, str]) -> None:
    for _ in range(2):
        assert desk.post(GRANT, answers).status_code == 302
    assert (sums(team), Grant.objects.count()) == ((25, 0), 1)


def test_a_used_form_with_other_answers_is_refused(
    desk: Client, team: Team, answers: dict[str, str]
) -> None:
    desk.post(GRANT, answers)
    answer = desk.post(GRANT, {**answers, "credits": "26"})
    assert "was sent before" in answer.content.decode()
    assert sums(team) == (25, 0)


def test_each_fresh_form_has_a_key_of_its_own(desk: Client) -> None:
    pages = [desk.get(GRANT).content.decode() for _ in range(2)]
    keys = [re.findall(r'name="key" value="([0-9a-f-]{36})"', page) for page in pages]
    assert len(keys[0]) == len(keys[1]) == 1
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipient", "nobody@example.com"),
        ("recipient", "no-such-team"),
        ("credits", "0"),
        ("credits", "-5"),
        ("credits", "1.5"),
        ("credits", "1" + "0" * 30),
        ("kind", "magic"),
        ("last_day", "2020-01-01"),
        ("reason", ""),
        ("key", ""),
    ],
)
def test_a_mistake_is_shown_and_moves_nothing(
    desk: Client, team: Team, answers: dict[str, str], field: str, value: str
) -> None:
    answer = desk.post(GRANT, {**answers, field: value})
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert (sums(team), Grant.objects.count()) == ((0, 0), 0)


def test_a_grant_is_shown_and_cannot_be_changed_or_deleted(
    desk: Client, team: Team, answers: dict[str, str]
) -> None:
    desk.post(GRANT, answers)
    place = f"/admin/billing/grant/{Grant.objects.get().pk}/"
    assert "For patience" in desk.get(f"{place}change/").content.decode()
    assert desk.post(f"{place}change/", {**answers, "reason": "No"}).status_code == 403
    assert desk.post(f"{place}delete/", {"post": "yes"}).status_code == 403
    assert Grant.objects.get().reason == "For patience"


def test_staff_without_the_right_cannot_grant(team: Team, answers: dict[str, str]) -> None:
    clerk = create_user("clerk@example.com", password="a long way to go")
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_ledgerentry"))
    client = Client()
    client.force_login(clerk)
    assert client.get("/admin/billing/ledgerentry/").status_code == 200
    assert client.post(GRANT, answers).status_code == 403
    assert sums(team) == (0, 0)
