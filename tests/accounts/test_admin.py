import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Membership, Team, User
from accounts.teams import create_user, personal_team
from tests.accounts.people import LOGIN, PASSWORD, log_in

NEW_PASSWORD = "three ducks on a quiet pond"


@pytest.fixture
def admin(db: None) -> User:
    return create_user("root@example.com", password=PASSWORD, is_admin=True)


@pytest.fixture
def desk(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def helper_desk(db: None) -> Client:
    """Staff who may change people, and nothing more."""
    helper = create_user("helper@example.com", password=PASSWORD)
    User.objects.filter(pk=helper.pk).update(is_staff=True)
    helper.user_permissions.set(
        Permission.objects.filter(codename__in=["change_user", "view_user", "add_user"])
    )
    client = Client()
    client.force_login(helper)
    return client


def person_page(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/change/"


def test_staff_come_in_by_the_same_door_as_everybody(visitor: Client, admin: User) -> None:
    to_door = visitor.get("/admin/", follow=True).redirect_chain[-1][0]
    assert to_door.startswith(LOGIN)
    answer = visitor.post(to_door, {"login": admin.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/admin/"
    assert visitor.get("/admin/").status_code == 200


def test_a_password_sent_to_the_admins_own_form_is_not_looked_at(
    visitor: Client, admin: User
) -> None:
    answer = visitor.post("/admin/login/", {"username": admin.email, "password": PASSWORD})
    assert answer.headers["Location"].startswith(LOGIN)
    assert "_auth_user_id" not in visitor.session


def test_everybody_else_is_refused(client: Client) -> None:
    assert client.get("/admin/", follow=True).status_code == 403


def test_an_admin_adds_a_person_who_can_log_in(desk: Client) -> None:
    fields = {"email": "New@Example.com", "name": "New", "password1": NEW_PASSWORD}
    desk.post("/admin/accounts/user/add/", fields | {"password2": NEW_PASSWORD})
    user = User.objects.get(email="new@example.com")
    assert personal_team(user).is_personal
    assert EmailAddress.objects.get(user=user).verified
    assert log_in(Client(), user.email, NEW_PASSWORD).status_code == 302


def test_an_admin_cannot_add_a_person_twice(desk: Client, user: User) -> None:
    fields = {"email": "ADA@example.com", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    answer = desk.post("/admin/accounts/user/add/", fields)
    assert "already exists" in answer.content.decode()


def test_no_page_shows_a_hash(desk: Client, user: User) -> None:
    algorithm, _, secret = user.password.partition("$")
    for address in (person_page(user), "/admin/accounts/user/"):
        page = desk.get(address).content.decode()
        assert secret not in page
        assert f"{algorithm}$" not in page
        assert "algorithm" not in page


def test_an_admin_disables_a_person_and_sets_a_password(desk: Client, user: User) -> None:
    fields = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    desk.post(f"/admin/accounts/user/{user.pk}/password/", fields)
    desk.post(person_page(user), {"name": "Ada Byron"})
    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    assert (user.name, user.is_active, user.email) == ("Ada Byron", False, "ada@example.com")


def test_an_address_and_a_hash_sent_along_change_nothing(desk: Client, user: User) -> None:
    before = user.password
    forged = {"email": "evil@example.com", "password": "x", "last_login_0": "2020-01-01"}
    desk.post(person_page(user), {"name": "Ada", "is_active": "on", **forged})
    user.refresh_from_db()
    assert (user.email, user.password) == ("ada@example.com", before)


def test_staff_cannot_raise_themselves_or_touch_an_admin(
    helper_desk: Client, admin: User, user: User
) -> None:
    helper_desk.post(person_page(user), {"name": "A", "is_active": "on", "is_superuser": "on"})
    answer = helper_desk.post(
        f"/admin/accounts/user/{admin.pk}/password/",
        {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    assert answer.status_code == 403
    assert User.objects.filter(is_superuser=True).get() == admin


def test_people_and_workspaces_are_not_deleted(desk: Client, user: User, team: Team) -> None:
    assert desk.post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.post(f"/admin/accounts/team/{team.pk}/delete/", {"post": "yes"}).status_code == 403
    seat = Membership.objects.get(user=user)
    address = f"/admin/accounts/membership/{seat.pk}/delete/"
    assert desk.post(address, {"post": "yes"}).status_code == 403
    for model in ("user", "team", "membership"):
        chosen = {"action": "delete_selected", "_selected_action": "1", "post": "yes"}
        desk.post(f"/admin/accounts/{model}/", chosen)
    assert Membership.objects.filter(user=user, team=team).exists()


@pytest.mark.parametrize("model", ["user", "team", "membership"])
def test_lists_can_be_looked_through(desk: Client, user: User, model: str) -> None:
    assert "Ada" in desk.get(f"/admin/accounts/{model}/?q=ada").content.decode()
