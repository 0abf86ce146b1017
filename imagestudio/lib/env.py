"""Read the process environment, once, with types. Nothing else looks at os.environ for settings."""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path


class ConfigurationError(Exception):
    """The environment asks for something that cannot be served; the message says what to set."""


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file that NAME_FILE points at."""
    path = os.environ.get(f"{name}_FILE", "")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{name}_FILE cannot be read: {error}") from None
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    word = text(name).lower()
    if not word:
        return default
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name} is {word!r}; write 1 or 0.")


def number(name: str, default: int, *, minimum: int = 0) -> int:
    word = text(name)
    if not word:
        return default
    try:
        value = int(word)
    except ValueError:
        raise ConfigurationError(f"{name} is {word!r}; write a whole number.") from None
    if value < minimum:
        raise ConfigurationError(f"{name} is {value}; it must be at least {minimum}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list without its blanks."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def group(*names: str) -> Mapping[str, str]:
    """The variables of one optional service: all of them or none, never a half-configured one."""
    values = {name: text(name) for name in names}
    missing = [name for name, value in values.items() if not value]
    if missing and len(missing) < len(names):
        raise ConfigurationError(
            f"{', '.join(missing)} not set, but {', '.join(n for n in names if values[n])} is; "
            "set all of them or none."
        )
    return values


def required(name: str) -> str:
    """A secret that a deployed process cannot do without."""
    value = text(name)
    if not value:
        raise ConfigurationError(f"{name} is not set. With DEPLOYED=1 it must be.")
    return value


def generated(name: str, *, folder: Path) -> str:
    """A secret for the demo: made at the first start, kept in a file for its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secrets.json"
    known = _read_secrets(path)
    if name in known:
        return known[name]
    return _add_secret(path, name)


def _read_secrets(path: Path) -> dict[str, str]:
    try:
        return {str(k): str(v) for k, v in json.loads(path.read_text(encoding="utf-8")).items()}
    except FileNotFoundError:
        return {}


def _add_secret(path: Path, name: str) -> str:
    # Web, worker and ticker may start together: the lock file lets exactly one of them invent it.
    with path.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _read_secrets(path)
        if name not in known:
            known[name] = secrets.token_urlsafe(48)
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
            fresh.replace(path)
        return known[name]
