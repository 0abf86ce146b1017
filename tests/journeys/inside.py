"""Runs beside a studio, on its data: sets the stage for a journey, one JSON line at a time."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any


def person(*, credits: int) -> dict[str, str]:
    """Somebody new, with that many credits and the cookie of an open session."""
    from django.conf import settings
    from django.test import Client

    from accounts.teams import create_user
    from imagestudio.lib.ids import new_id

    password = "a long walk by the sea"
    email = f"ada.{new_id().hex[-8:]}@example.com"
    user = create_user(email, password=password, name="Ada")
    _deposit(user, credits=credits)
    browser = Client()
    browser.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    session = browser.cookies[name].value
    return {"email": email, "password": password, "cookie": name, "session": session}


def _deposit(user: Any, *, credits: int) -> None:
    from django.db import transaction

    from accounts.billing import credits as money
    from accounts.billing.models import LotKind
    from accounts.teams import personal_team

    if credits == 0:
        return
    key = f"journey:{user.email}"
    with transaction.atomic():
        money.deposit(personal_team(user).pk, credits=credits, kind=LotKind.PROMOTIONAL, key=key)


def order(*, email: str, prompts: list[str], model: str) -> list[str]:
    """Orders through the same door as the form; the public ids, in their order."""
    from accounts.models import User
    from accounts.teams import personal_team
    from accounts.viewer import viewer_of
    from generations.catalog.spec import find
    from generations.pipeline.submit import Terms, submit
    from generations.request import parse

    user = User.objects.get(email=email)
    viewer = viewer_of(user, team=personal_team(user))
    spec = find(model)
    placed = [submit(viewer, parse(spec, {"prompt": p}), terms=Terms()) for p in prompts]
    return [str(generation.public_id) for batch in placed for generation in batch]


def open_orders(*, email: str) -> int:
    from generations.models import TERMINAL, Generation

    return Generation.objects.filter(made_by__email=email).exclude(status__in=TERMINAL).count()


def orders(*, email: str) -> int:
    from generations.models import Generation

    return Generation.objects.filter(made_by__email=email).count()


def age(*, email: str, seconds: int) -> int:
    """Let this person's open orders have been sent that long ago. How many there are."""
    from django.utils import timezone

    from generations.models import TERMINAL, Generation

    now = timezone.now()
    rows = Generation.objects.filter(made_by__email=email).exclude(status__in=TERMINAL)
    return rows.update(sent_at=now - timedelta(seconds=seconds), changed_at=now)


def quiet(*, seconds: int) -> int:
    """Every provider asks for a pause of that length, as with Retry-After."""
    from django.utils import timezone

    from generations.models import ProviderAccount

    until = timezone.now() + timedelta(seconds=seconds)
    return ProviderAccount.objects.update(quiet_until=until)


ACTS: Mapping[str, Callable[..., Any]] = {
    act.__name__: act for act in (person, order, open_orders, orders, age, quiet)
}


def main() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "imagestudio.settings"
    django.setup()
    from django.conf import settings

    # Django's test client speaks as this host.
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    for line in sys.stdin:
        asked = json.loads(line)
        answer = ACTS[asked.pop("act")](**asked)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
