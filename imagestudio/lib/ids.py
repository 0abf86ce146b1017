"""Public identifiers: 128 bits, ordered by time, in the spellings that callers use."""

import os
import time
import uuid

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_CHARACTERS = 26


def new_id() -> uuid.UUID:
    """A UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 random ones."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def as_task(identifier: uuid.UUID) -> str:
    """The same bits as `task_` and a ULID, the spelling of APIMart's wire."""
    value, characters = identifier.int, []
    for _ in range(_ULID_CHARACTERS):
        value, digit = divmod(value, 32)
        characters.append(_CROCKFORD[digit])
    return "task_" + "".join(reversed(characters))


def from_text(spelling: str) -> uuid.UUID:
    """Read either spelling. Raises ValueError."""
    if not spelling.startswith("task_"):
        return uuid.UUID(spelling)
    digits = spelling.removeprefix("task_").upper()
    if len(digits) != _ULID_CHARACTERS:
        raise ValueError("a ULID has 26 characters")
    value = 0
    for character in digits:
        value = value * 32 + _CROCKFORD.index(character)
    return uuid.UUID(int=value)
