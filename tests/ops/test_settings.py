"""The environment: an empty one is the demo, a half-filled one is refused in a sentence."""

import os
import re
import subprocess
import sys

import pytest

from tests.studio import CHECKOUT, OURS

DEPLOYED = {
    "DEPLOYED": "1",
    "SITE_URL": "https://studio.example.com",
    "SECRET_KEY": "x" * 60,
    "SEALING_KEYS": "y" * 60,
    "EMAIL_URL": "submission://studio:pw@localhost:587",
}
S3 = {
    "AWS_STORAGE_BUCKET_NAME": "studio",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


READ = """
import sys
from imagestudio.lib.env import ConfigurationError
try:
    from imagestudio import settings
except ConfigurationError as complaint:
    sys.exit(str(complaint))
print(getattr(settings, sys.argv[1]))
"""


@pytest.fixture
def setting(tmp_path):
    """One setting as a process with this environment sees it, or its complaint."""

    def read(name: str = "PORT", **env: str) -> str:
        done = run_python("-c", READ, name, VAR=str(tmp_path), **env)
        assert "Traceback" not in done.stderr
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()

    return read


def run_python(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    clean = {key: value for key, value in os.environ.items() if key not in OURS}
    clean.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(
        [sys.executable, *words], cwd=CHECKOUT, env={**clean, **env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_variable_that_is_read_stands_in_the_example():
    source = (CHECKOUT / "imagestudio" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r"(?:env\.\w+|_secret)\(\s*\"([A-Z0-9_]+)\"", source))
    for call in re.findall(r"env\.group\(([^)]*)\)", source):
        read |= set(re.findall(r"\"([A-Z0-9_]+)\"", call))

    assert read == set(OURS)


def test_a_refusal_is_a_sentence_and_no_traceback(tmp_path):
    refused = run_python("manage.py", "check", VAR=str(tmp_path), PORT="eighty")

    assert refused.returncode == 1
    assert refused.stderr == ("ImageStudio cannot start: PORT is 'eighty'; write a whole number.\n")


def test_the_sandbox_stays_below_the_last_port(setting):
    assert setting("SANDBOX_PORT", PORT="8000") == "18000"
    assert setting("SANDBOX_PORT", PORT="60000") == "50000"


@pytest.mark.parametrize("missing", ["SECRET_KEY", "SEALING_KEYS", "EMAIL_URL"])
def test_deployed_without_a_secret_refuses_to_start(setting, missing):
    env = {name: value for name, value in DEPLOYED.items() if name != missing}

    complaint = setting(**env)

    assert complaint == f"{missing} is not set. With DEPLOYED=1 it must be."


def test_deployed_with_everything_starts_and_invents_nothing(setting, tmp_path):
    assert setting("SECRET_KEY", **DEPLOYED) == "x" * 60
    assert setting("SANDBOX_ENABLED", **DEPLOYED) == "False"
    assert setting("WELCOME_CREDITS", **DEPLOYED) == "0"
    assert not (tmp_path / "secrets.json").exists()


def test_a_half_configured_bucket_refuses_to_start(setting):
    complaint = setting(AWS_STORAGE_BUCKET_NAME="studio", AWS_ACCESS_KEY_ID="key")

    assert complaint == (
        "AWS_SECRET_ACCESS_KEY not set, but AWS_STORAGE_BUCKET_NAME, "
        "AWS_ACCESS_KEY_ID is; set all of them or none."
    )


def test_a_whole_bucket_is_where_images_go(setting):
    assert "S3Storage" in setting("STORAGES", **S3)


def test_a_secret_can_come_from_a_file(setting, tmp_path):
    path = tmp_path / "key"
    path.write_text("from a file\n")

    assert setting("SECRET_KEY", SECRET_KEY_FILE=str(path)) == "from a file"


def test_two_studios_on_one_machine_have_cookies_of_their_own(setting):
    assert setting("SESSION_COOKIE_NAME", PORT="8000") != setting(
        "SESSION_COOKIE_NAME", PORT="8010"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("DEPLOYED", "maybe"),
        ("DATABASE_URL", "mysql://localhost/studio"),
        ("EMAIL_URL", "smtps://localhost"),
        ("SECRET_KEY_FILE", "/nowhere/at/all"),
        ("SITE_URL", "studio.example.com"),
        ("SEALING_KEYS", ","),
        ("REDIS_URL", "http://localhost:6379"),
        ("AWS_S3_ENDPOINT_URL", "http://localhost:9000"),
        ("AWS_S3_REGION_NAME", "eu-west-1"),
        ("EGRESS_ALLOW", "localhost"),
        ("LEASE_SECONDS", "0"),
        ("UNKNOWN_SECONDS", "-1"),
        ("WELCOME_CREDITS", "-1"),
        ("TRUSTED_PROXIES", "-1"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(setting, name, value):
    assert setting("BASE_DIR", **{name: value}).startswith(f"{name} ")
