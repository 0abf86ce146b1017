from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.db.models import ProtectedError

from accounts.models import Membership, Role, Team, User
from accounts.teams import DuplicateEmail, create_user, make_personal_team, personal_team
from accounts.viewer import Viewer, viewer_of
from tests.accounts.people import PASSWORD


def test_a_new_person_owns_a_personal_workspace(db: None) -> None:
    user = create_user("Ada@Example.com", password=PASSWORD, name="Ada Lovelace")
    seat = Membership.objects.get(user=user)
    assert (seat.role, seat.team.is_personal) == (Role.OWNER, True)
    assert seat.team == personal_team(user)
    assert seat.team.slug.startswith("ada-lovelace-")


def test_a_new_person_has_a_confirmed_address(db: None) -> None:
    user = create_user("Ada@Example.com", password=PASSWORD)
    address = EmailAddress.objects.get(user=user)
    assert (address.email, address.verified, address.primary) == ("ada@example.com", True, True)


def test_the_slug_cannot_be_guessed_from_the_name(db: None) -> None:
    people = [create_user(f"ada@{n}.example.com", password=PASSWORD) for n in range(3)]
    slugs = {personal_team(person).slug for person in people}
    assert len(slugs) == 3
    assert all(slug.startswith("ada-") and len(slug) == len("ada-xxxxxx") for slug in slugs)


def test_a_name_without_latin_letters_gets_a_slug_too(db: None) -> None:
    user = create_user("a@example.com", password=PASSWORD, name="艾达")
    assert personal_team(user).slug.startswith("studio-")


@pytest.mark.parametrize("again", ["ada@example.com", "ADA@example.com", "ａda@example.com"])
def test_a_second_spelling_is_a_duplicate_and_leaves_nothing(user: User, again: str) -> None:
    with pytest.raises(DuplicateEmail):
        create_user(again, password=PASSWORD)
    assert (User.objects.count(), Team.objects.count()) == (1, 1)


def test_an_address_confirmed_by_somebody_else_is_a_duplicate(user: User) -> None:
    EmailAddress.objects.create(user=user, email="work@example.com", verified=True)
    with pytest.raises(DuplicateEmail):
        create_user("work@example.com", password=PASSWORD)
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_workspace_is_made_once_when_asked_for_twice_at_once() -> None:
    user = User.objects.create_user("ada@example.com", PASSWORD)

    def make(_: int) -> int:
        try:
            return make_personal_team(user).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(make, range(8)))
    assert made == {personal_team(user).pk}
    assert Team.objects.count() == 1


def test_nobody_is_deleted_from_under_a_wallet(user: User, team: Team) -> None:
    with pytest.raises(ProtectedError):
        user.delete()
    with pytest.raises(ProtectedError):
        team.delete()


def test_a_person_looks_through_the_personal_workspace(user: User, team: Team) -> None:
    assert viewer_of(user) == Viewer(user.pk, team.pk, Role.OWNER)


def test_a_person_looks_through_another_team_in_the_role_there(user: User) -> None:
    acme = Team.objects.create(slug="acme", name="Acme")
    Membership.objects.create(team=acme, user=user, role=Role.REVIEWER)
    assert viewer_of(user, team=acme) == Viewer(user.pk, acme.pk, Role.REVIEWER)


def test_a_stranger_has_no_view_of_a_team(user: User) -> None:
    acme = Team.objects.create(slug="acme", name="Acme")
    with pytest.raises(Membership.DoesNotExist):
        viewer_of(user, team=acme)
