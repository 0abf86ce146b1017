"""One of many processes that order from one wallet, through the validator and the one door."""

import json
import os
import sys
import time
from collections import Counter
from typing import Any


def main(email: str, *, first: int, count: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagestudio.settings")
    django.setup()
    from accounts.models import User
    from accounts.viewer import viewer_of

    viewer = viewer_of(User.objects.get(email=email))
    outcomes: Counter[str] = Counter()
    milliseconds = []
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(first, first + count):
        begun = time.perf_counter()
        outcomes[_submit(viewer, number)] += 1
        milliseconds.append(round((time.perf_counter() - begun) * 1000, 2))
    print(json.dumps({"outcomes": outcomes, "milliseconds": milliseconds}), flush=True)


def _submit(viewer: Any, number: int) -> str:
    from generations.catalog.spec import find
    from generations.pipeline.submit import Terms, submit
    from generations.request import parse

    try:
        request = parse(find("flux-schnell"), {"prompt": f"race {number}", "aspect_ratio": "16:9"})
        submit(viewer, request, terms=Terms(submit_key=f"race {number}", price_seen=1))
    except Exception as error:  # noqa: BLE001 - every outcome is counted and judged by the test
        return type(error).__name__
    return "accepted"


if __name__ == "__main__":
    main(sys.argv[1], first=int(sys.argv[2]), count=int(sys.argv[3]))
