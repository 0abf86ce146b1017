"""One of many processes that spend one wallet: holds in a row, each in its own transaction."""

import json
import os
import sys
from collections import Counter


def main(team_id: int, *, first: int, count: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagestudio.settings")
    django.setup()
    outcomes: Counter[str] = Counter()
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(first, first + count):
        outcomes[_hold(team_id, reference=f"race {number}")] += 1
    print(json.dumps(outcomes), flush=True)


def _hold(team_id: int, *, reference: str) -> str:
    from django.db import transaction

    from accounts.billing import credits

    try:
        with transaction.atomic(durable=True):
            credits.hold(team_id, credits=1, reference=reference)
    except Exception as error:  # noqa: BLE001 - every outcome is counted and judged by the test
        return type(error).__name__
    return "accepted"


if __name__ == "__main__":
    main(int(sys.argv[1]), first=int(sys.argv[2]), count=int(sys.argv[3]))
