"""How a person comes to be, with the workspace that is theirs."""

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.crypto import get_random_string
from django.utils.text import slugify

from accounts.models import Membership, Role, Team, User, fold_email

SLUG_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class DuplicateEmail(Exception):
    """Somebody already has this address."""


def create_user(
    email: str, *, password: str, name: str = "", is_admin: bool = False, verified: bool = True
) -> User:
    """A person who can log in at once, when `verified`. Raises DuplicateEmail."""
    user = User(email=fold_email(email), name=name, is_staff=is_admin, is_superuser=is_admin)
    # Hashing takes its time on purpose; no transaction waits for it.
    user.set_password(password)
    settle_in(user, verified=verified)
    return user


def settle_in(user: User, *, verified: bool) -> None:
    """Store a new person with address and personal workspace, all or nothing.

    Raises DuplicateEmail.
    """
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            EmailAddress.objects.create(
                user=user, email=user.email, verified=verified, primary=True
            )
            make_personal_team(user)
    except IntegrityError as error:
        if not is_taken(user.email):
            raise
        raise DuplicateEmail(user.email) from error


def is_taken(email: str) -> bool:
    folded = fold_email(email)
    return (
        User.objects.filter(email=folded).exists()
        or EmailAddress.objects.filter(email=folded, verified=True).exists()
    )


def personal_team(user: User) -> Team:
    """Raises Team.DoesNotExist for a person who was never settled in."""
    return _personal_teams(user).get()


def make_personal_team(user: User) -> Team:
    """The person's own workspace; a second call finds the first one's."""
    with transaction.atomic():
        # Writing the person's row makes a second caller wait until the first has committed.
        User.objects.filter(pk=user.pk).update(is_active=F("is_active"))
        found = _personal_teams(user).first()
        if found:
            return found
        team = _new_team(user.display_name)
        Membership.objects.create(team=team, user=user, role=Role.OWNER)
        return team


def _personal_teams(user: User) -> QuerySet[Team]:
    return Team.objects.filter(
        is_personal=True, memberships__user=user, memberships__role=Role.OWNER
    )


def _new_team(name: str) -> Team:
    stem = slugify(name)[:40].strip("-") or "studio"
    while True:
        slug = f"{stem}-{get_random_string(6, SLUG_ALPHABET)}"
        team, created = Team.objects.get_or_create(
            slug=slug, defaults={"name": name[:80], "is_personal": True}
        )
        if created:
            return team
