"""People with credits, accounts at providers, and orders in every state, made by the real parts."""

import hashlib
import io
import zlib
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from PIL import Image

from accounts.billing import credits
from accounts.billing.models import LotKind
from accounts.billing.queries import balance
from accounts.models import Membership, Role, Team, User
from accounts.teams import create_user
from accounts.viewer import Viewer, viewer_of
from generations import keeping, provider_accounts
from generations.catalog.spec import find
from generations.models import (
    TERMINAL,
    Asset,
    AssetKind,
    Attempt,
    AttemptState,
    Generation,
    ProviderAccount,
    Status,
)
from generations.pipeline.submit import Terms, submit
from generations.request import parse
from imagestudio.lib.ids import new_id

PASSWORD = "a long walk by the sea"
PROMPT = "a lighthouse at dusk"


def fund(viewer: Viewer, amount: int) -> None:
    with transaction.atomic():
        credits.deposit(viewer.team_id, credits=amount, kind=LotKind.PAID, key=str(new_id()))


def sums(viewer: Viewer) -> tuple[int, int]:
    """Balance and held."""
    now = balance(viewer.team_id)
    return now.balance, now.held


def person(email: str, *, amount: int = 0) -> tuple[User, Viewer]:
    user = create_user(email, password=PASSWORD)
    viewer = viewer_of(user)
    if amount:
        fund(viewer, amount)
    return user, viewer


def teammates(*users: User, role: Role = Role.MEMBER) -> Team:
    team = Team.objects.create(slug=f"acme-{new_id().hex[-8:]}", name="Acme")
    for user in users:
        Membership.objects.create(team=team, user=user, role=role)
    return team


def account(base_url: str, *, name: str = "north", **fields: Any) -> ProviderAccount:
    fields = {"protocol": "journeyapi", "api_key": "japi_live_tests", **fields}
    return ProviderAccount.objects.create(name=name, base_url=base_url, **fields)


def order(viewer: Viewer, model: str = "flux-schnell", *, key: str = "", **raw: Any) -> Generation:
    """One order through the real door."""
    return orders(viewer, model, key=key, **raw)[0]


def orders(
    viewer: Viewer, model: str = "flux-schnell", *, key: str = "", **raw: Any
) -> list[Generation]:
    pinned = raw.pop("pinned_account", None)
    request = parse(find(model), {"prompt": PROMPT, **raw})
    return submit(viewer, request, terms=Terms(submit_key=key or None, pinned_account=pinned))


def fresh(row: Generation) -> Generation:
    return Generation.objects.get(pk=row.pk)


def change(row: Generation, **fields: Any) -> None:
    """What time, or another hand, did to the row."""
    Generation.objects.filter(pk=row.pk).update(**fields)


def attempt_of(row: Generation) -> Attempt:
    return row.attempts.select_related("account").latest("number")


def make_attempt(row: Generation, at: ProviderAccount, **fields: Any) -> Attempt:
    """An order placed some time ago, as its rows show it."""
    fields = {"state": AttemptState.ACCEPTED, "remote_id": str(new_id()), **fields}
    attempt = Attempt(
        generation=row,
        account=at,
        number=row.attempts.count() + 1,
        remote_model=row.model,
        sent_at=timezone.now(),
        **fields,
    )
    attempt.token_hash = provider_accounts.token_hash(provider_accounts.callback_token(attempt))
    attempt.save(force_insert=True)
    if attempt.holds_place:
        ProviderAccount.objects.filter(pk=at.pk).update(in_flight=at.in_flight + 1)
        at.refresh_from_db()
    return attempt


def under_way(viewer: Viewer, at: ProviderAccount, **fields: Any) -> Generation:
    """Accepted and rendering."""
    row = order(viewer, fields.pop("model", "flux-schnell"))
    make_attempt(row, at)
    now = timezone.now()
    change(row, **{"status": Status.RUNNING, "sent_at": now, "accepted_at": now, **fields})
    return fresh(row)


def ready(viewer: Viewer, *, model: str = "flux-schnell", good: int | None = None) -> Generation:
    """Rendered, stored and paid, without a worker: for tests that look at what is there."""
    row = order(viewer, model)
    good = row.images_expected if good is None else good
    for position in range(good):
        keep(row, position)
    paid = -(-row.price_credits * good // row.images_expected)
    with transaction.atomic():
        credits.capture(row.hold_reference, credits=paid)
        change(
            row,
            status=Status.SUCCEEDED,
            percent=100,
            captured_credits=paid,
            settled_at=timezone.now(),
            due_at=None,
        )
    return fresh(row)


def ended(viewer: Viewer, status: Status, **fields: Any) -> Generation:
    """Failed or cancelled, the hold given back."""
    assert status in TERMINAL
    row = order(viewer)
    with transaction.atomic():
        credits.release(row.hold_reference)
        change(row, status=status, settled_at=timezone.now(), due_at=None, **fields)
    return fresh(row)


def keep(
    row: Generation, position: int, *, kind: AssetKind | None = None, content: bytes = b""
) -> Asset:
    """Put a picture and its renditions into the storage, and write its row."""
    content = content or picture("PNG", shade=position)
    kind = kind or (AssetKind.SINGLE if row.images_expected == 1 else AssetKind.PANEL)
    with Image.open(io.BytesIO(content)) as image:
        width, height, form = image.width, image.height, str(image.format)
    extension = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}[form]
    asset = Asset(
        generation=row,
        kind=kind,
        position=position,
        key=keeping.key_for(row, kind=kind, position=position, extension=extension),
        content_type=f"image/{form.lower()}",
        size_bytes=len(content),
        width=width,
        height=height,
        sha256=hashlib.sha256(content).hexdigest(),
        crc32=zlib.crc32(content),
        perceptual_hash="0" * 16,
        dominant_colour="#aabbcc",
        blur="",
    )
    keeping.keep(asset.key, io.BytesIO(content), sha256=asset.sha256)
    for side in (320, 960):
        keeping.keep_bytes(asset.rendition_key(side), picture("WEBP", shade=position))
    asset.save(force_insert=True)
    return asset


def picture(
    form: str, *, size: tuple[int, int] = (48, 32), mode: str = "RGB", **save: Any
) -> bytes:
    """A small gradient; `shade` makes one differ from another."""
    shade = save.pop("shade", 0)
    image = Image.linear_gradient("L").resize(size).convert(mode)
    image.putpixel((0, 0), tuple([shade % 256] * len(image.getbands())))
    out = io.BytesIO()
    image.save(out, form, **save)
    return out.getvalue()


def long_ago(**units: float) -> Any:
    return timezone.now() - timedelta(**units)


def close_connection() -> None:
    """A thread of a test's server gives its connection back."""
    connection.close()
