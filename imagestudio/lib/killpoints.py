"""Named places where a fault test may end the process, as a power cut would."""

import os
import signal
from collections import Counter

from django.conf import settings

_passes: Counter[str] = Counter()


def reached(name: str) -> None:
    """Do nothing, unless KILLPOINT=name:n is set and this is the n-th pass: then die at once."""
    if not settings.KILLPOINT:
        return
    wanted, _, count = settings.KILLPOINT.partition(":")
    if wanted != name:
        return
    _passes[name] += 1
    if _passes[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
