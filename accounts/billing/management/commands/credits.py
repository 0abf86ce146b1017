"""Credits from the console."""

import json
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.billing.credits import CREDITS_MAX
from accounts.billing.grants import REASON_MAX, Gift, end_of, grant
from accounts.billing.models import LotKind
from accounts.billing.queries import balance
from accounts.models import Membership, Team, User, fold_email
from accounts.teams import personal_team
from imagestudio.lib.ids import new_id


class Command(BaseCommand):
    help = "Give credits away, or show what a workspace has."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        give = verbs.add_parser("grant", help="deposit credits, with a reason people can read")
        give.add_argument("email")
        give.add_argument("credits", type=int)
        give.add_argument("--reason", required=True)
        give.add_argument("--promotional", action="store_true", help="spent before paid ones")
        give.add_argument("--expires", metavar="DATE", help="YYYY-MM-DD, the last day (UTC)")
        show = verbs.add_parser("balance", help="print balance, held and available as JSON")
        show.add_argument("email")
        for verb in (give, show):
            verb.add_argument("--team", metavar="SLUG", help="instead of the personal workspace")

    def handle(self, *_: Any, **options: Any) -> None:
        team = _team(options["email"], slug=options["team"])
        if options["verb"] == "grant":
            grant(_gift(team, options=options), by=None)
        self._show(team)

    def _show(self, team: Team) -> None:
        now = balance(team.pk)
        figures = {"balance": now.balance, "held": now.held, "available": now.available}
        self.stdout.write(json.dumps(figures))


def _team(email: str, *, slug: str | None) -> Team:
    user = User.objects.filter(email=fold_email(email)).first()
    if user is None:
        raise CommandError(f"Nobody here has the address {email}.")
    if slug is None:
        return personal_team(user)
    seat = Membership.objects.select_related("team").filter(user=user, team__slug=slug).first()
    if seat is None:
        raise CommandError(f"{user.email} is in no team with the slug {slug}.")
    return seat.team


def _gift(team: Team, *, options: dict[str, Any]) -> Gift:
    if not 0 < options["credits"] <= CREDITS_MAX:
        raise CommandError(f"Grant from 1 to {CREDITS_MAX} credits.")
    reason = options["reason"].strip()
    if not 0 < len(reason) <= REASON_MAX:
        raise CommandError(f"Give a reason of at most {REASON_MAX} characters.")
    return Gift(
        team_id=team.pk,
        credits=options["credits"],
        kind=LotKind.PROMOTIONAL if options["promotional"] else LotKind.PAID,
        expires_at=_end_of(options["expires"]) if options["expires"] else None,
        reason=reason,
        key=str(new_id()),
    )


def _end_of(text: str) -> datetime:
    try:
        end = end_of(date.fromisoformat(text))
    except ValueError:
        raise CommandError(f"{text} is no date. Write it as 2030-12-31.") from None
    if end <= timezone.now():
        raise CommandError(f"{text} has passed: the credits would expire at once.")
    return end
