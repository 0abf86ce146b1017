"""`manage.py doctor` names what is wrong and says what to do."""

import socket
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.billing import triggers
from generations.models import ProviderAccount


@pytest.fixture
def provider(db):
    """An account at somebody who answers the door."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield ProviderAccount.objects.create(
            name="nearby", protocol="journeyapi", base_url=url, api_key="key"
        )


@pytest.fixture
def healthy(provider, redis_server, settings):
    settings.REDIS_URL = redis_server.url


def doctor() -> str:
    """What it prints when all is well."""
    out = StringIO()
    call_command("doctor", stdout=out)
    return out.getvalue()


def ailing() -> str:
    """What it prints when it finds something, and exits with 1."""
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("doctor", stdout=out)
    assert error.value.returncode == 1
    return out.getvalue()


@pytest.mark.usefixtures("healthy")
def test_all_is_well():
    assert doctor() == "All is well.\n"


@pytest.mark.usefixtures("provider")
def test_a_silent_redis_is_named():
    assert "Redis does not answer" in ailing()


@pytest.mark.usefixtures("healthy")
def test_a_missing_trigger_is_named_and_nothing_else():
    triggers.lift(connection)
    try:
        lines = ailing().splitlines()
    finally:
        triggers.install(connection)

    assert len(lines) == len([line for line in lines if "trigger" in line]) > 0


@pytest.mark.usefixtures("healthy")
def test_a_provider_that_is_gone_is_named():
    ProviderAccount.objects.create(
        name="gone", protocol="journeyapi", base_url="http://127.0.0.1:1", api_key="key"
    )

    assert ailing() == "The provider gone cannot be reached at http://127.0.0.1:1.\n"


@pytest.mark.usefixtures("healthy")
def test_a_storage_that_refuses_is_named(settings, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    settings.MEDIA_ROOT = blocked
    files = {**settings.STORAGES["default"], "OPTIONS": {"location": blocked}}
    settings.STORAGES = {**settings.STORAGES, "default": files}

    assert "The storage refuses" in ailing()


@pytest.mark.usefixtures("healthy")
def test_a_mail_server_that_refuses_is_named(settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    assert "The mail server refuses" in ailing()


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize(
    ("site", "words"),
    [
        ("studio.example.com", "write it as https://"),
        ("https://example.com/studio", "has a path"),
        ("http://studio.example.com", "not https"),
        ("https://localhost", "no provider's callback"),
        ("https://10.0.0.7", "no provider's callback"),
    ],
)
def test_an_address_that_will_not_do_is_named(settings, site, words):
    settings.DEPLOYED, settings.SITE_URL = True, site

    assert words in ailing()
