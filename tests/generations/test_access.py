"""Who may open what. The expected answers are written by hand; a new route must be added here."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from accounts.viewer import Viewer, viewer_of
from generations import queries, thumbs, urls
from generations.live import may_hear
from generations.models import Asset, Generation, Visibility
from tests.generations import world

WHO = ("anonymous", "stranger", "owner")
# GET, or POST where noted, as (anonymous, stranger, owner). 302 leads to the log-in, or back.
EXPECTED: dict[str, tuple[str, tuple[int, int, int]]] = {
    "create": ("get", (302, 200, 200)),
    "submit": ("post", (302, 422, 422)),
    "quote": ("get", (204, 200, 200)),
    "generation": ("get", (302, 404, 200)),
    "card": ("get", (302, 404, 200)),
    "cancel": ("post", (302, 404, 302)),
    "image": ("get", (302, 404, 200)),
    "gallery": ("get", (302, 200, 200)),
    "live": ("get", (401, 200, 200)),
    "changes": ("get", (401, 200, 200)),
    "thumb": ("get", (404, 404, 200)),
    "original": ("get", (302, 404, 200)),
    "download": ("get", (302, 404, 200)),
    "webhook": ("post", (404, 404, 404)),
}
WRONG_METHOD = {"create": "post", "quote": "post", "cancel": "get", "gallery": "post"}


@dataclass(frozen=True, slots=True)
class Scene:
    row: Generation
    asset: Asset
    clients: dict[str, Client]

    def path(self, name: str) -> str:
        public_id = self.row.public_id
        arguments: dict[str, list[object]] = {
            "generation": [public_id],
            "card": [public_id],
            "cancel": [public_id],
            "image": [public_id, 1],
            "thumb": ["a-stale-token", self.asset.public_id, 320],
            "original": [self.asset.public_id],
            "download": [self.asset.public_id],
            "webhook": ["journeyapi", "nobody-s-token"],
        }
        return reverse(name, args=arguments.get(name, []))

    def ask(self, who: str, name: str, *, method: str = "") -> int:
        act = getattr(self.clients[who], method or EXPECTED[name][0])
        response = act(self.path(name))
        if hasattr(response, "file_to_stream"):
            response.getvalue()
        return int(response.status_code)


@pytest.fixture
def scene(client: Client, visitor: Client, rich: Viewer) -> Scene:
    stranger, _ = world.person("bob@example.com", amount=5)
    other = Client()
    other.force_login(stranger)
    row = world.ready(rich)
    clients = {"anonymous": visitor, "stranger": other, "owner": client}
    return Scene(row, row.assets.get(), clients)


def test_every_route_has_its_expected_answers():
    routes = [pattern.name for pattern in urls.urlpatterns]

    assert sorted(map(str, routes)) == sorted(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_page_answers_each_person_as_written(scene: Scene, name: str):
    answers = tuple(scene.ask(who, name) for who in WHO)

    assert answers == EXPECTED[name][1]


@pytest.mark.parametrize("name", sorted(WRONG_METHOD))
def test_a_page_takes_its_own_method_alone(scene: Scene, name: str):
    assert scene.ask("owner", name, method=WRONG_METHOD[name]) == 405


def test_a_stranger_sees_nothing_of_it_anywhere(scene: Scene):
    prompt = "a heron that nobody else may see"
    world.change(scene.row, prompt=prompt)
    pages = [scene.clients["stranger"].get(reverse(n)) for n in ("create", "gallery", "changes")]

    assert [prompt in page.content.decode() for page in pages] == [False] * 3
    assert str(scene.row.public_id) not in "".join(page.content.decode() for page in pages)


def test_a_log_in_leads_back_to_the_page(scene: Scene):
    answer = scene.clients["anonymous"].get(scene.path("generation"))

    assert answer.headers["Location"].endswith(f"?next={scene.path('generation')}")


def test_a_provider_s_id_opens_nothing(scene: Scene, rich: Viewer):
    attempt = world.make_attempt(scene.row, world.account("http://127.0.0.1:9"), holds_place=False)
    ids = [attempt.remote_id, str(attempt.public_id), str(scene.asset.public_id)]

    answers = [scene.clients["owner"].get(f"/g/{i}/").status_code for i in ids]

    assert answers == [404, 404, 404]


@pytest.mark.parametrize(
    "path",
    ["/files/../settings/original", "/files/%2e%2e/original", "/files/1/original", "/g/x/",
     "/files/t/x/00000000-0000-0000-0000-000000000000/320.webp", "/files//original",
     "/files/00000000-0000-0000-0000-000000000000/original%00"],
)  # fmt: skip
def test_made_up_addresses_are_not_found(scene: Scene, path: str):
    assert scene.clients["owner"].get(path).status_code == 404


# --- Teams -------------------------------------------------------------------------------------


@pytest.fixture
def acme(user: User) -> Team:
    return world.teammates(user)


def in_team(team: Team, email: str, role: Role) -> Viewer:
    user, _ = world.person(email)
    Membership.objects.create(team=team, user=user, role=role)
    return viewer_of(user, team=team)


# Sees the pictures of others in the team: when they are the team's, when they are private.
SEES = {
    Role.OWNER: (True, False),
    Role.ADMIN: (True, False),
    Role.MEMBER: (True, False),
    Role.VIEWER: (True, False),
    Role.REVIEWER: (True, False),
    Role.BILLING: (False, False),
}


@pytest.mark.parametrize("role", Role)
def test_a_teammate_sees_what_is_the_team_s_and_nothing_private(user: User, acme: Team, role: Role):
    maker, mate = viewer_of(user, team=acme), in_team(acme, "mate@example.com", role)
    world.fund(maker, 10)
    shared, private = world.ready(maker), world.ready(maker)
    world.change(shared, visibility=Visibility.TEAM)

    seen = tuple(sees(mate, row) for row in (shared, private))

    assert seen == SEES[role]
    assert [sees(maker, row) for row in (shared, private)] == [True, True]


def sees(viewer: Viewer, row: Generation) -> bool:
    """By every read there is; they must agree."""
    row.refresh_from_db()
    asset = row.assets.get()
    answers = {
        queries.visible_to(viewer).filter(pk=row.pk).exists(),
        queries.stream(viewer).filter(pk=row.pk).exists(),
        queries.gallery(viewer).filter(pk=asset.pk).exists(),
        found(lambda: queries.generation(viewer, row.public_id)),
        found(lambda: queries.asset(viewer, asset.public_id)),
        may_hear(viewer, row),
    }
    assert len(answers) == 1
    return answers.pop()


def found(read: Callable[[], object]) -> bool:
    try:
        read()
    except (Generation.DoesNotExist, Asset.DoesNotExist):
        return False
    return True


def test_the_same_person_in_another_workspace_does_not_see_it(user: User, acme: Team):
    personal, at_work = viewer_of(user), viewer_of(user, team=acme)
    world.fund(personal, 5)
    world.fund(at_work, 5)
    mine, work = world.ready(personal), world.ready(at_work)

    assert [sees(personal, mine), sees(personal, work)] == [True, False]
    assert [sees(at_work, mine), sees(at_work, work)] == [False, True]


def test_whoever_left_the_team_sees_nothing_more(user: User, acme: Team):
    maker, mate = viewer_of(user, team=acme), in_team(acme, "mate@example.com", Role.MEMBER)
    world.fund(maker, 5)
    world.change(world.ready(maker), visibility=Visibility.TEAM)
    Membership.objects.filter(user_id=mate.user_id, team=acme).delete()

    with pytest.raises(Membership.DoesNotExist):
        viewer_of(User.objects.get(pk=mate.user_id), team=acme)


def test_a_neighbour_is_one_that_may_be_seen(user: User, acme: Team):
    maker, mate = viewer_of(user, team=acme), in_team(acme, "mate@example.com", Role.MEMBER)
    world.fund(maker, 5)
    rows = [world.ready(maker) for _ in range(3)]
    for row in (rows[0], rows[2]):
        world.change(row, visibility=Visibility.TEAM)

    assert queries.neighbours(mate, rows[0]) == (rows[2], None)
    assert queries.neighbours(maker, rows[0]) == (rows[1], None)


def test_tokens_are_for_one_asset_each(scene: Scene, rich: Viewer):
    other = world.ready(rich).assets.get()
    token = thumbs.thumb_url(other.public_id, 320).split("/")[3]

    answer = scene.clients["anonymous"].get(
        reverse("thumb", args=[token, scene.asset.public_id, 320])
    )

    assert answer.status_code == 404
