"""Through whose eyes a query looks."""

from dataclasses import dataclass

from accounts.models import Membership, Role, Team, User


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person acting for a team, in a role."""

    user_id: int
    team_id: int
    role: Role


def viewer_of(user: User, *, team: Team | None = None) -> Viewer:
    """The person in their personal workspace, or in `team`. Raises Membership.DoesNotExist."""
    seats = Membership.objects.filter(user=user)
    seat = seats.get(team=team) if team else seats.get(team__is_personal=True, role=Role.OWNER)
    return Viewer(user.pk, seat.team_id, Role(seat.role))
