"""`manage.py generate`: order through the same door as the form, and print what came of it."""

import json
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from accounts.billing.credits import InsufficientCredits
from accounts.models import Membership, Team, User, fold_email
from accounts.viewer import Viewer, viewer_of
from generations import queries, wording
from generations.catalog.spec import UnknownModel, catalog, find
from generations.models import Asset, Generation, ProviderAccount
from generations.pipeline.submit import Terms, submit
from generations.request import Fault, InvalidRequest, parse

LOOK_SECONDS = 0.2


class Command(BaseCommand):
    help = "Submit a generation as this person and print one JSON object."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--model", required=True)
        parser.add_argument("--prompt", required=True)
        parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
        parser.add_argument("--image", metavar="PATH", help="for models that take one")
        parser.add_argument("--provider", help="the account to order at, by name")
        parser.add_argument("--team", help="slug of the team to act for")
        parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        placed = _place(_viewer(options["email"], options["team"]), options)
        rows = _wait([generation.pk for generation in placed], seconds=options["wait"])
        documents = [describe(row) for row in rows]
        # One order of several images is several generations; the first carries the others along.
        document = documents[0] if len(documents) == 1 else documents[0] | {"batch": documents}
        self.stdout.write(json.dumps(document, ensure_ascii=False))


def _place(viewer: Viewer, options: dict[str, Any]) -> list[Generation]:
    """Submit. Whatever refuses the order ends the command in a sentence."""
    terms = Terms(pinned_account=_account(options["provider"]))
    try:
        request = parse(find(options["model"]), _raw(options))
        return submit(viewer, request, terms=terms)
    except UnknownModel:
        fault = Fault("model", "unknown_model", {"allowed": tuple(catalog())})
    except InsufficientCredits as error:
        figures = {"needed": error.needed, "available": error.available}
        fault = Fault("price", "insufficient_credits", figures)
    except InvalidRequest as error:
        sentences = [f"{each.field}: {wording.sentence(each)}" for each in error.faults]
        raise CommandError("\n".join(sentences)) from None
    raise CommandError(wording.sentence(fault))


def describe(row: Generation) -> dict[str, Any]:
    attempt = row.attempts.select_related("account").order_by("-number").first()
    return {
        "id": str(row.public_id),
        "status": row.status,
        "credits": row.captured_credits,
        "price": row.price_credits,
        "provider": attempt.account.name if attempt else None,
        "assets": [_describe_asset(asset) for asset in row.assets.order_by("kind", "position")],
        "error": {"code": row.error_code, "reason": row.error_reason} if row.error_code else None,
    }


def _describe_asset(asset: Asset) -> dict[str, Any]:
    return {
        "kind": asset.kind,
        "position": asset.position,
        "key": asset.key,
        "url": settings.SITE_URL + reverse("original", args=[asset.public_id]),
        "sha256": asset.sha256,
        "width": asset.width,
        "height": asset.height,
        "bytes": asset.size_bytes,
    }


def _viewer(email: str, team: str | None) -> Viewer:
    user = User.objects.filter(email=fold_email(email)).first()
    if user is None:
        raise CommandError(f"Nobody here has the address {email}.")
    try:
        return viewer_of(user, team=Team.objects.get(slug=team) if team else None)
    except (Team.DoesNotExist, Membership.DoesNotExist):
        raise CommandError(f"{email} is in no team {team or 'of their own'}.") from None


def _account(name: str | None) -> ProviderAccount | None:
    if name is None:
        return None
    account = queries.accounts().filter(name=name).first()
    if account is None:
        raise CommandError(wording.sentence(Fault("provider", "unknown_account")))
    return account


def _raw(options: dict[str, Any]) -> dict[str, object]:
    raw: dict[str, object] = {"prompt": options["prompt"]}
    if options["image"] is not None:
        raw["image"] = options["image"]
    for pair in options["param"]:
        name, separator, value = pair.partition("=")
        if not separator:
            raise CommandError(f"--param {pair}: write NAME=VALUE.")
        raw[name] = value
    return raw


def _wait(ids: list[int], *, seconds: float) -> list[Generation]:
    end = time.monotonic() + seconds
    while True:
        rows = list(Generation.objects.filter(pk__in=ids).order_by("pk"))
        if time.monotonic() >= end or not any(row.is_open for row in rows):
            return rows
        time.sleep(LOOK_SECONDS)
