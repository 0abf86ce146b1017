"""Through whose eyes a query looks."""

from dataclasses import dataclass

from accounts.models import Membership, Role, Team, User


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person acting for a team, in a role."""

    user_id: int
    team_id: int
    role: Role


def seat_of(user: User, *, team: Team | None = None) -> Membership:
    """The person's place in their personal workspace, or in `team`, which comes with it.

    Raises Membership.DoesNotExist.
    """
    seats = Membership.objects.select_related("team").filter(user=user)
    return seats.get(team=team) if team else seats.get(team__is_personal=True, role=Role.OWNER)


def viewer_from(seat: Membership) -> Viewer:
    return Viewer(seat.user_id, seat.team_id, Role(seat.role))


def viewer_of(user: User, *, team: Team | None = None) -> Viewer:
    """The person in their personal workspace, or in `team`. Raises Membership.DoesNotExist."""
    return viewer_from(seat_of(user, team=team))
