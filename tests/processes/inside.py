"""Acts on a studio's own rows, in a process with its settings: one JSON line in, one out."""

import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagestudio.settings")
    django.setup()
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(ACTS[asked.pop("act")](**asked)), flush=True)


def place(email: str, wishes: Sequence[Mapping[str, str]]) -> list[str]:
    """Order through the one validator and the one door, as a page or a command does."""
    from accounts.models import User
    from accounts.viewer import viewer_of
    from generations.catalog.spec import find
    from generations.models import ProviderAccount
    from generations.pipeline.submit import Terms, submit
    from generations.request import parse

    viewer = viewer_of(User.objects.get(email=email))
    accounts = {account.name: account for account in ProviderAccount.objects.all()}
    placed = []
    for wish in wishes:
        request = parse(find(wish["model"]), {"prompt": wish["prompt"]})
        terms = Terms(pinned_account=accounts[wish["provider"]] if wish["provider"] else None)
        placed += submit(viewer, request, terms=terms)
    return [str(generation.public_id) for generation in placed]


def look(ids: Sequence[str]) -> list[dict[str, Any]]:
    """What a person sees of these generations, and the money behind it. No ids: all there are."""
    from generations.models import Generation

    rows = Generation.objects.order_by("pk").prefetch_related("assets")
    return [_facts(row) for row in (rows.filter(public_id__in=ids) if ids else rows)]


def _facts(row: Any) -> dict[str, Any]:
    from generations.cards import card

    shown = card(row)
    kinds = [asset.kind for asset in row.assets.all()]
    return {
        "id": str(row.public_id),
        "prompt": row.prompt,
        "status": row.status,
        "word": shown.word,
        "money": shown.money,
        "error": row.error_code,
        "images": sum(kind != "sheet" for kind in kinds),
        "sheets": kinds.count("sheet"),
        "price": row.price_credits,
        "captured": row.captured_credits,
        "is_open": row.is_open,
        "is_free": row.delivered_free_at is not None,
        "settled_at": row.settled_at.timestamp() if row.settled_at else 0.0,
        "orders": row.attempts.exclude(state__in=["intended", "rejected"]).count(),
    }


def count_open() -> int:
    from generations.models import OPEN, Generation

    return Generation.objects.filter(status__in=OPEN).count()


def ledger() -> dict[str, int]:
    """The sum of what was captured, by entries, and the number of entries a generation has most."""
    from django.db.models import Count, Sum

    from accounts.billing.models import LedgerEntry, Wallet

    captures = LedgerEntry.objects.filter(kind="capture")
    most = captures.values("hold").annotate(entries=Count("pk")).order_by("-entries").first()
    return {
        "captured": -(captures.aggregate(sum=Sum("amount"))["sum"] or 0),
        "entries": captures.count(),
        "most_for_one_hold": most["entries"] if most else 0,
        "held": Wallet.objects.aggregate(sum=Sum("held"))["sum"] or 0,
    }


def parked() -> dict[str, int]:
    """Callbacks that led to nothing, by reason."""
    from django.db.models import Count

    from generations.models import InboundEvent

    rows = InboundEvent.objects.filter(state="parked").values_list("parked_reason")
    return dict(rows.annotate(Count("pk")).order_by("parked_reason"))


def command(words: Sequence[str]) -> str:
    """What a management command says, whether it succeeds or not."""
    from django.core.management import CommandError, call_command

    said = io.StringIO()
    try:
        call_command(*words, stdout=said)
    except (CommandError, SystemExit) as end:
        said.write(str(end))
    return said.getvalue().strip()


ACTS: Mapping[str, Callable[..., Any]] = {
    "place": place,
    "look": look,
    "count_open": count_open,
    "ledger": ledger,
    "parked": parked,
    "command": command,
}


if __name__ == "__main__":
    main()
