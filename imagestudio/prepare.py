"""Make a start possible: folders, tables, static files and, in the demo, somebody to log in as."""

import fcntl
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import transaction

FIRST_EMAIL = "studio@example.com"


class CannotStart(Exception):
    """Something outside stands in the way; the message is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Login:
    email: str
    password: str


@contextmanager
def own(var: Path) -> Iterator[None]:
    """Hold the data folder for this process alone. Raises CannotStart."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    var.chmod(0o700)
    with (var / "run.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"ImageStudio already runs on the data in {var}. Stop it, or give this one "
                "a folder and a port of its own: VAR=var-2 PORT=8010 make run"
            ) from None
        yield


def check_port(port: int) -> None:
    """Raises CannotStart when somebody else listens there."""
    with socket.socket() as probe:
        # As the servers will ask: connections that are only dying down do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CannotStart(
                f"Port {port} is in use. Choose another one: PORT=8010 make run"
            ) from None


def private_folder(path: Path) -> None:
    """Nobody but us can look in: what lies here asks for no password. Raises CannotStart."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # In a shared folder for temporary files somebody may have been there first.
    if path.stat().st_uid != os.geteuid() or path.is_symlink():
        raise CannotStart(f"{path} belongs to somebody else. Choose another folder with VAR.")
    path.chmod(0o700)


def tables() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)


def static_files() -> None:
    """Gather, compress and fingerprint them, only when one has changed."""
    stamp = settings.VAR / "static.stamp"
    wanted = _static_digest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(wanted, encoding="utf-8")


def _static_digest() -> str:
    digest = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    found = ((name, storage) for finder in get_finders() for name, storage in finder.list([]))
    for name, storage in found:
        state = Path(storage.path(name)).stat()
        digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def first_login() -> Login | None:
    """Somebody to log in as, made when there is nobody at all."""
    from accounts.billing import credits
    from accounts.teams import create_user, personal_team

    if get_user_model().objects.exists():
        return None
    login = Login(FIRST_EMAIL, secrets.token_urlsafe(12))
    with transaction.atomic():
        user = create_user(login.email, password=login.password, name="Studio", is_admin=True)
        credits.welcome(personal_team(user))
    _keep(login)
    return login


def _keep(login: Login) -> None:
    path = settings.VAR / "first-login.txt"
    path.touch(mode=0o600)
    path.write_text(f"{login.email}\n{login.password}\n", encoding="utf-8")


def sandbox_account() -> None:
    """The sandbox's port follows ours, so its row is brought up to date at every start."""
    from generations.provider_accounts import refresh_sandbox

    refresh_sandbox()
