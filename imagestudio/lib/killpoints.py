"""Named places where a fault test may end the process, as a power cut would.

With KILLPOINT=1 the file VAR/killpoint names one place, as `name` or `name:n` for the n-th pass.
Whoever gets there takes the file away and dies; the process that comes in its place lives.
"""

import os
import signal
from collections import Counter
from pathlib import Path

from django.conf import settings

_passes: Counter[str] = Counter()


def reached(name: str) -> None:
    """Do nothing, unless this is the place and the pass that the file names: then die at once."""
    if not is_set_for(name):
        return
    _passes[name] += 1
    if _passes[name] >= _nth() and _is_ours():
        os.kill(os.getpid(), signal.SIGKILL)


def is_set_for(name: str) -> bool:
    return bool(settings.KILLPOINT) and _text().partition(":")[0] == name


def _nth() -> int:
    return int(_text().partition(":")[2] or 1)


def _is_ours() -> bool:
    """Of all processes that get there, one takes the file away, and dies of it."""
    try:
        _file().unlink()
    except FileNotFoundError:
        return False
    return True


def _text() -> str:
    try:
        return _file().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _file() -> Path:
    return Path(settings.VAR) / "killpoint"
