"""Commands and admin pages: the same doors as the pages, and never a key on a screen."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.teams import create_user
from accounts.viewer import Viewer
from generations import provider_accounts
from generations.models import Generation, ProviderAccount, Status
from imagestudio.lib.addresses import Destination
from tests.generations import world
from tests.generations.driving import work
from tests.upstream import Upstream

KEY = "japi_live_2b7e151628aed2a6"
SECRET = "whsec_9c1185a5c5e9fc54"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    call_command(*words)
    return capsys.readouterr().out


def add(capsys: pytest.CaptureFixture[str], name: str = "north", **change: str) -> str:
    options = {
        "protocol": "journeyapi",
        "base-url": "http://127.0.0.1:9",
        "api-key": KEY,
        **{key.replace("_", "-"): value for key, value in change.items()},
    }
    return said(
        capsys, "provider", "add", name, *[f"--{key}={value}" for key, value in options.items()]
    )


# --- provider ----------------------------------------------------------------------------------


def test_an_account_is_added_and_listed_without_its_key(
    db: None, capsys: pytest.CaptureFixture[str]
):
    told = add(capsys, base_url="https://api.example.com/", webhook_secret=SECRET)
    listed = said(capsys, "provider", "list")

    account = ProviderAccount.objects.get()
    assert told == "Added north: journeyapi at api.example.com:443.\n"
    assert listed == "north\tjourneyapi\thttps://api.example.com\t0/10\tready\n"
    assert (account.api_key, account.webhook_secret) == (KEY, SECRET)


def test_keys_are_sealed_in_the_database(db: None, capsys: pytest.CaptureFixture[str]):
    add(capsys, webhook_secret=SECRET)

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM generations_provideraccount")
        stored = str(cursor.fetchall())

    assert KEY not in stored
    assert SECRET not in stored


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("http://[::1]:8080/", "[::1]:8080"),
        ("HTTP://LocalHost:8080/api/v1", "localhost:8080"),
        ("http://up_stream:8080", "up_stream:8080"),
        ("https://api.example.com", "api.example.com:443"),
    ],
)
def test_an_account_s_own_address_is_the_one_that_is_called(url: str, trusted: str):
    assert provider_accounts.host_and_port(url) == trusted
    assert Destination.read(url).host_port == trusted


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protocol": "telepathy"}, "No protocol telepathy"), ({"protocol": "../x"}, "No protocol"),
        ({"base_url": "example.com"}, "must look like"), ({"base_url": "ftp://a.b"}, "must look"),
        ({"base_url": "http://"}, "must look like"), ({"base_url": "http://a:b@c.d"}, "must look"),
        ({"base_url": "http://a.b:99999"}, "must look"), ({"base_url": "http://a:x"}, "must look"),
        ({"base_url": "https://a.b/" + "x" * 300}, "300 characters"),
        ({"base_url": "http://a b"}, "must look"), ({"base_url": "http://a.b/?c=d"}, "must look"),
        ({"base_url": "http://127.1"}, "must look"), ({"base_url": "http://a.b/#c"}, "must look"),
        ({"api_key": ""}, "must not be empty"), ({"api_key": "k\r\nx: y"}, "plain ASCII"),
        ({"webhook_secret": "é"}, "plain ASCII"),
        ({"concurrency": "0"}, "at least 1"), ({"name": "two words"}, "letters"),
        ({"name": "x" * 41}, "40 letters"),
    ],
)  # fmt: skip
def test_an_account_that_could_not_work_is_refused(
    db: None, capsys: pytest.CaptureFixture[str], change: dict[str, str], words: str
):
    with pytest.raises(CommandError, match=words):
        add(capsys, **change)

    assert ProviderAccount.objects.count() == 0


def test_a_name_is_given_once(db: None, capsys: pytest.CaptureFixture[str]):
    add(capsys)

    with pytest.raises(CommandError, match="already an account named north"):
        add(capsys)


def test_an_account_is_paused_and_resumed(db: None, capsys: pytest.CaptureFixture[str]):
    add(capsys)

    said(capsys, "provider", "pause", "north")
    paused = said(capsys, "provider", "list")
    said(capsys, "provider", "resume", "north")

    assert paused.endswith("\tpaused\n")
    assert said(capsys, "provider", "list").endswith("\tready\n")
    with pytest.raises(CommandError, match="no provider account named south"):
        call_command("provider", "pause", "south")


def test_the_sandbox_s_account_moves_with_its_port(db: None, settings: Settings):
    provider_accounts.refresh_sandbox()
    ProviderAccount.objects.update(concurrency=7)
    settings.SANDBOX_PORT = 12_345

    provider_accounts.refresh_sandbox()

    account = ProviderAccount.objects.get()
    assert (account.base_url, account.concurrency) == ("http://127.0.0.1:12345", 7)
    assert account.is_sandbox


# --- generate ----------------------------------------------------------------------------------


def generate(capsys: pytest.CaptureFixture[str], *words: str, prompt: str = "a heron") -> Any:
    model = () if any(w.startswith("--model") for w in words) else ("--model=midjourney",)
    told = said(capsys, "generate", "ada@example.com", *model, f"--prompt={prompt}", *words)
    return json.loads(told)


def test_an_order_by_command_is_one_like_any_other(
    db: None, rich: Viewer, capsys: pytest.CaptureFixture[str]
):
    told = generate(capsys, prompt="a heron --ar 3:2")

    row = Generation.objects.get()
    assert told == {
        "id": str(row.public_id), "status": "QUEUED", "credits": 0, "price": 4, "provider": None,
        "assets": [], "error": None,
    }  # fmt: skip
    assert row.parameters == {"aspect_ratio": "3:2"}
    assert world.sums(rich) == (100, 4)


def test_the_command_tells_what_came_of_it(
    north: ProviderAccount, upstream: Upstream, rich: Viewer, capsys: pytest.CaptureFixture[str]
):
    told = generate(capsys, "--model=flux-schnell", "--param=count=2", "--provider=north")
    work(*Generation.objects.all())

    rows = list(Generation.objects.order_by("pk"))
    assert [one["id"] for one in told["batch"]] == [str(row.public_id) for row in rows]
    assert {row.pinned_account_id for row in rows} == {north.pk}
    from generations.management.commands.generate import describe

    described = describe(rows[0])
    asset = rows[0].assets.get()
    assert (described["status"], described["credits"], described["provider"]) == (
        Status.SUCCEEDED, 1, "north",
    )  # fmt: skip
    assert described["assets"][0]["sha256"] == asset.sha256
    assert described["assets"][0]["url"].endswith(f"/files/{asset.public_id}/original")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--model=dall-e",), "no model of that name"),
        (("--param=ratio",), "write NAME=VALUE"),
        (("--param=colour=red",), "colour: Midjourney does not take this"),
        (("--param=aspect_ratio=7:1",), "aspect_ratio: Choose one of"),
        (("--prompt=a --repeat 3",), "prompt: --repeat would order several times"),
        (("--image=heron.png",), "image: Midjourney works from words alone. Nothing was ordered"),
        (("--model=flux-schnell", "--image=heron.png"), "image: Flux Schnell works from words"),
        (("--provider=nobody",), "no provider account of that name"),
        (("--team=nobody",), "is in no team nobody"),
    ],
)
def test_what_the_command_refuses_is_a_sentence(
    db: None, rich: Viewer, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
):
    with pytest.raises(CommandError, match=told):
        generate(capsys, *words)

    assert Generation.objects.count() == 0
    assert world.sums(rich) == (100, 0)


def test_the_command_refuses_whom_it_does_not_know(db: None):
    with pytest.raises(CommandError, match="Nobody here has the address"):
        call_command("generate", "who@example.com", "--model=midjourney", "--prompt=x")


def test_the_command_refuses_what_the_wallet_cannot_cover(
    viewer: Viewer, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(CommandError, match="needs 4 credits and 0 are available"):
        generate(capsys)
    with pytest.raises(CommandError, match="needs 1 credit and 0 are available"):
        generate(capsys, "--model=flux-schnell")


# --- Admin -------------------------------------------------------------------------------------


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(create_user("root@example.com", password=world.PASSWORD, is_admin=True))
    return client


@pytest.fixture
def keyed(db: None) -> ProviderAccount:
    return world.account("https://api.example.com", api_key=KEY, webhook_secret=SECRET)


def form(account: ProviderAccount, **change: object) -> dict[str, object]:
    return {
        "name": account.name, "protocol": account.protocol, "base_url": account.base_url,
        "api_key": "", "webhook_secret": "", "concurrency": account.concurrency,
        "weight": account.weight, "paused_at_0": "", "paused_at_1": "", "paused_reason": "",
        **change,
    }  # fmt: skip


CHANGE = "/admin/generations/provideraccount/{}/change/"


def test_no_admin_page_shows_a_key(operator: Client, keyed: ProviderAccount, rich: Viewer):
    row = world.under_way(rich, keyed)
    attempt = world.attempt_of(row)
    operator.post(CHANGE.format(keyed.pk), form(keyed, concurrency=3))
    paths = [
        CHANGE.format(keyed.pk),
        f"/admin/generations/provideraccount/{keyed.pk}/history/",
        f"/admin/generations/provideraccount/{keyed.pk}/delete/",
        f"/admin/generations/generation/{row.pk}/change/",
        f"/admin/generations/attempt/{attempt.pk}/change/",
        *[f"/admin/generations/{name}/" for name in
          ("provideraccount", "generation", "attempt", "asset", "inboundevent")],
    ]  # fmt: skip

    pages = {path: operator.get(path) for path in paths}

    hidden = [KEY, SECRET, provider_accounts.callback_secret(attempt), attempt.token_hash,
              provider_accounts.callback_token(attempt), world.PROMPT]  # fmt: skip
    assert {page.status_code for page in pages.values()} == {200}
    assert [
        (path, word) for path, page in pages.items() for word in hidden
        if word in page.content.decode()
    ] == []  # fmt: skip


def test_saving_with_an_empty_key_keeps_it(operator: Client, keyed: ProviderAccount):
    answer = operator.post(CHANGE.format(keyed.pk), form(keyed, concurrency=3))

    keyed.refresh_from_db()
    assert answer.status_code == 302
    assert (keyed.api_key, keyed.webhook_secret, keyed.concurrency) == (KEY, SECRET, 3)


def test_a_new_key_takes_the_old_one_s_place(operator: Client, keyed: ProviderAccount):
    operator.post(CHANGE.format(keyed.pk), form(keyed, api_key="a new one"))

    keyed.refresh_from_db()
    assert (keyed.api_key, keyed.webhook_secret) == ("a new one", SECRET)


def test_a_new_account_needs_a_key(operator: Client, keyed: ProviderAccount):
    path = "/admin/generations/provideraccount/add/"

    without = operator.post(path, form(keyed, name="south"))
    with_one = operator.post(path, form(keyed, name="south", api_key="k"))

    assert (without.status_code, with_one.status_code) == (200, 302)
    assert ProviderAccount.objects.get(name="south").api_key == "k"


@pytest.mark.parametrize("name", ["generation", "attempt", "asset", "inboundevent"])
def test_what_the_pipeline_writes_is_read_only(operator: Client, rich: Viewer, name: str):
    row = world.ready(rich)
    attempt = world.make_attempt(row, world.account("http://127.0.0.1:9"), holds_place=False)
    pk = {"generation": row.pk, "attempt": attempt.pk, "asset": row.assets.get().pk}.get(name, 1)

    answers = [
        operator.get(f"/admin/generations/{name}/add/").status_code,
        operator.post(f"/admin/generations/{name}/{pk}/change/", {"status": "FAILED"}).status_code,
        operator.post(f"/admin/generations/{name}/{pk}/delete/", {"post": "yes"}).status_code,
    ]

    assert set(answers) <= {403, 302}
    assert answers[0] == 403
    assert world.fresh(row).status == Status.SUCCEEDED


def test_accounts_are_paused_from_the_list(operator: Client, keyed: ProviderAccount):
    for action in ("pause", "resume", "pause"):
        operator.post(
            "/admin/generations/provideraccount/",
            {"action": action, "_selected_action": [keyed.pk]},
        )

    keyed.refresh_from_db()
    assert keyed.paused_at is not None


def test_an_ordinary_person_has_no_business_here(client: Client, keyed: ProviderAccount):
    assert client.get(CHANGE.format(keyed.pk)).status_code == 302
