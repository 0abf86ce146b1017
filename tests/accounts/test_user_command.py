from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.billing.models import Lot
from accounts.models import User
from accounts.teams import personal_team
from tests.accounts.people import PASSWORD, is_logged_in, log_in


def user_add(*words: str) -> str:
    said = StringIO()
    call_command("user", "add", *words, stdout=said)
    return said.getvalue()


def test_a_person_added_can_log_in_and_has_no_credits(visitor: Client) -> None:
    said = user_add("Ada@Example.com", "--password", PASSWORD)
    user = User.objects.get(email="ada@example.com")
    log_in(visitor, user.email)
    assert is_logged_in(visitor)
    assert said == "ada@example.com is a verified account now and can log in.\n"
    assert personal_team(user).is_personal
    assert EmailAddress.objects.get(user=user).verified
    assert not user.is_staff
    assert not Lot.objects.exists()


def test_an_admin_is_made_by_asking(db: None) -> None:
    user_add("root@example.com", "--password", PASSWORD, "--admin")
    user = User.objects.get()
    assert user.is_staff
    assert user.is_superuser


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("ada@example.com", PASSWORD, "already has an account"),
        ("ADA@EXAMPLE.COM", PASSWORD, "ada@example.com already has an account"),
        ("not an address", PASSWORD, "valid email"),
        ("new@example.com", "short", "too short"),
        ("new@example.com", "password123", "too common"),
        ("new@example.com", "new@example.com", "too similar"),
        (f"{'n' * 250}@example.com", PASSWORD, "254"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    user: User, email: str, password: str, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        user_add(email, "--password", password)
    assert User.objects.count() == 1
