"""People from the console."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User, fold_email
from accounts.teams import DuplicateEmail, create_user


class Command(BaseCommand):
    help = "Add people: user add EMAIL --password PW [--admin]"

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="a verified account, its workspace, no credits")
        add.add_argument("email")
        add.add_argument("--password", required=True)
        add.add_argument("--admin", action="store_true", help="may enter /admin/")

    def handle(self, *_: Any, **options: Any) -> None:
        user = add(options["email"], password=options["password"], is_admin=options["admin"])
        kind = "an admin" if user.is_staff else "a verified account"
        self.stdout.write(f"{user.email} is {kind} now and can log in.")


def add(email: str, *, password: str, is_admin: bool) -> User:
    folded = fold_email(email)
    try:
        User._meta.get_field("email").clean(folded, None)
        validate_password(password, user=User(email=folded))
        return create_user(folded, password=password, is_admin=is_admin)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    except DuplicateEmail:
        raise CommandError(f"{folded} already has an account.") from None
