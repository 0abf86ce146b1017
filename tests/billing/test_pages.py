"""What a team reads about its credits."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.urls import reverse as address_of
from django.utils import timezone

from accounts.billing import credits, queries
from accounts.billing.grants import Gift, grant
from accounts.billing.models import LotKind
from accounts.models import Team, User
from accounts.teams import create_user, personal_team
from accounts.viewer import Viewer
from tests.billing.money import expire, give, promise, reverse, spend

pytestmark = pytest.mark.django_db
PAGE = "/credits/"


def lines_of(viewer: Viewer) -> list[queries.Line]:
    return queries.lines(viewer, queries.ledger(viewer))


def test_the_balance_says_what_is_owned_promised_and_free(team: Team) -> None:
    give(team, 10)
    promise(team, 4)
    now = queries.balance(team.pk)
    assert (now.balance, now.held, now.available) == (10, 4, 6)


def test_a_team_without_a_wallet_reads_zeros(team: Team, viewer: Viewer) -> None:
    assert queries.balance(team.pk) == queries.Balance(0, 0)
    assert (queries.lots(viewer), lines_of(viewer)) == ([], [])


def test_a_capture_leads_to_its_generation(team: Team, viewer: Viewer) -> None:
    give(team, 10)
    reference = spend(team, 4)
    line = lines_of(viewer)[0]
    assert (line.label, line.credits, line.balance_after) == ("Images made", -4, 6)
    assert line.url == f"/g/{reference}/"


@pytest.mark.parametrize("reference", ["capture:", "capture:7", "deposit:" + "0" * 32, ""])
def test_a_reference_to_no_generation_leads_nowhere(reference: str) -> None:
    assert queries.captured(reference) is None


def test_each_movement_is_named_in_plain_words(team: Team, user: User, viewer: Viewer) -> None:
    with override_settings(WELCOME_CREDITS=20):
        credits.welcome(team)
    bought = give(team, 10)
    grant(_gift(team, reason="For the broken picture"), by=user)
    reverse(bought, 10)
    give(team, 1, expires_at=timezone.now() - timedelta(days=1))
    expire(timezone.now())
    assert [(line.label, line.note, line.credits) for line in lines_of(viewer)] == [
        ("Credits expired", "", -1),
        ("Credits added", "", 1),
        ("Payment returned", "", -10),
        ("Credits given", "For the broken picture", 5),
        ("Credits added", "", 10),
        ("Welcome credits", "", 20),
    ]


def test_lots_stand_in_the_order_in_which_they_are_spent(team: Team, viewer: Viewer) -> None:
    day = timezone.now() + timedelta(days=9)
    give(team, 3)
    give(team, 2, expires_at=day)
    give(team, 1, kind=LotKind.PROMOTIONAL)
    assert queries.lots(viewer) == [
        queries.OpenLot("Promotional", 1, None),
        queries.OpenLot("Paid", 2, day),
        queries.OpenLot("Paid", 3, None),
    ]


def test_nobody_reads_another_teams_ledger(team: Team, viewer: Viewer) -> None:
    stranger = personal_team(create_user("eve@example.com", password="a long way to go"))
    give(stranger, 10)
    assert lines_of(viewer) == []


def test_the_page_shows_the_figures_and_is_not_kept_by_proxies(team: Team, client: Client) -> None:
    give(team, 10)
    promise(team, 4)
    answer = client.get(PAGE)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.context["balance"].available == 6
    assert [line.credits for line in answer.context["lines"]] == [10]


def test_the_ledger_goes_on_over_pages_without_a_gap(
    team: Team, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.billing.views.LINES_ON_A_PAGE", 2)
    for amount in range(1, 6):
        give(team, amount)
    seen: list[int] = []
    cursor = ""
    for _ in range(3):
        page = client.get(PAGE, {"cursor": cursor}).context
        seen += [line.credits for line in page["lines"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == ([5, 4, 3, 2, 1], "")


def test_a_longer_ledger_asks_the_database_no_more_often(
    team: Team, viewer: Viewer, user: User, django_assert_num_queries: object
) -> None:
    for _ in range(10):
        grant(_gift(team, reason="A gift"), by=user)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(lines_of(viewer)) == 10


def test_a_visitor_is_sent_to_the_log_in(visitor: Client) -> None:
    answer = visitor.get(PAGE)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(address_of("account_login"))


def test_the_page_is_only_read(client: Client) -> None:
    assert client.post(PAGE).status_code == 405


def _gift(team: Team, *, reason: str) -> Gift:
    return Gift(
        team_id=team.pk,
        credits=5,
        kind=LotKind.PROMOTIONAL,
        expires_at=None,
        reason=reason,
        key=str(timezone.now().timestamp()),
    )
