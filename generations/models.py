"""Orders, what was asked of whom for them, and the pictures that we keep."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from imagestudio.lib.ids import new_id
from imagestudio.lib.sealed import SealedTextField


class ProviderAccount(models.Model):
    """Our credentials at one provider. `in_flight` counts the attempts that hold a place there."""

    name = models.SlugField(max_length=40, unique=True)
    # Not `choices`: a protocol is a folder, and a new folder needs no migration.
    protocol = models.CharField(max_length=20)
    base_url = models.CharField(max_length=300, validators=[URLValidator(["http", "https"])])
    api_key = SealedTextField()
    webhook_secret = SealedTextField(
        blank=True, help_text="Empty: each attempt has a secret of its own, derived by us."
    )
    concurrency = models.PositiveIntegerField(default=10)
    in_flight = models.PositiveIntegerField(default=0, editable=False)
    weight = models.PositiveIntegerField(default=100)
    is_sandbox = models.BooleanField(default=False, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=200, blank=True)
    # Set by a 429 or a broken connection; nobody asks this account before then.
    quiet_until = models.DateTimeField(null=True, blank=True, editable=False)
    trouble = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class Status(models.TextChoices):
    QUEUED = "QUEUED"
    SUBMITTING = "SUBMITTING"
    RUNNING = "RUNNING"
    CHECKING = "CHECKING"
    NEEDS_INPUT = "NEEDS_INPUT"
    COLLECTING = "COLLECTING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


TERMINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
OPEN = tuple(status for status in Status if status not in TERMINAL)


class Visibility(models.TextChoices):
    PRIVATE = "private"
    TEAM = "team"


class Generation(models.Model):
    """One order, as its owner sees it: a prompt, a model, and what became of them.

    The request and its price are written once, at submit. Everything else is moved by the
    pipeline, and `status` by `pipeline.lifecycle.advance` alone.
    """

    public_id = models.UUIDField(unique=True, default=new_id, editable=False)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="generations")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generations"
    )
    visibility = models.CharField(max_length=7, choices=Visibility, default=Visibility.PRIVATE)
    # One gesture, one key: the form's token. A batch of n carries it on its first generation.
    submit_key = models.CharField(max_length=64, null=True, blank=True)
    batch = models.UUIDField(null=True, blank=True, db_index=True)

    model = models.CharField(max_length=60)
    model_name = models.CharField(max_length=80)
    prompt = models.TextField()
    parameters = models.JSONField(default=dict)
    images_expected = models.PositiveSmallIntegerField()
    price_credits = models.PositiveIntegerField()
    pinned_account = models.ForeignKey(
        ProviderAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    percent = models.PositiveSmallIntegerField(default=0)
    # When a worker should next look at this row; empty while one does, or when nothing is owed.
    due_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    # A worker's claim: `fence` rises with each, so that writes under an older one find no row.
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=32, blank=True)
    # Claims in a row that ended without any progress; a row that kills its workers is given up.
    barren_claims = models.PositiveSmallIntegerField(default=0)
    collect_tries = models.PositiveSmallIntegerField(default=0)
    deadline_at = models.DateTimeField()

    seed = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_reason = models.CharField(max_length=500, blank=True)
    captured_credits = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    rendered_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    unknown_until = models.DateTimeField(null=True, blank=True)
    stop_waiting_at = models.DateTimeField(null=True, blank=True)
    delivered_free_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "submit_key"], name="one_generation_a_gesture"),
            models.CheckConstraint(
                condition=Q(captured_credits__lte=F("price_credits")), name="never_above_the_price"
            ),
            models.CheckConstraint(
                condition=Q(captured_credits=0) | Q(status=Status.SUCCEEDED),
                name="captured_only_when_ready",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="generation_due", condition=Q(due_at__isnull=False)
            ),
            models.Index(
                fields=["lease_until"],
                name="generation_leased",
                condition=Q(lease_until__isnull=False),
            ),
            models.Index(fields=["team", "-created_at", "-id"], name="generation_stream"),
            models.Index(fields=["changed_at"], name="generation_changed"),
            models.Index(fields=["team", "status"], name="generation_team_status"),
            models.Index(fields=["status", "created_at", "id"], name="generation_line"),
            models.Index(
                fields=["model", "status", "-created_at", "-id"], name="generation_recent"
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def hold_reference(self) -> str:
        return str(self.public_id)

    @property
    def is_open(self) -> bool:
        return self.status not in TERMINAL


class AttemptState(models.TextChoices):
    INTENDED = "intended"  # written down, no byte has left
    SENT = "sent"  # bytes may have left, no answer known
    ACCEPTED = "accepted"
    REJECTED = "rejected"  # provably not taken
    UNKNOWN = "unknown"  # the answer was lost


class Attempt(models.Model):
    """One paid order at one provider account."""

    public_id = models.UUIDField(unique=True, default=new_id, editable=False)
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="attempts")
    state = models.CharField(max_length=8, choices=AttemptState, default=AttemptState.INTENDED)
    # SHA-256 of the token in the callback's address; the token itself is derived when needed.
    token_hash = models.CharField(max_length=64, unique=True)
    remote_id = models.CharField(max_length=200, blank=True)
    remote_model = models.CharField(max_length=80)
    holds_place = models.BooleanField(default=True)
    cost = models.CharField(max_length=40, blank=True, help_text="As the provider reports it.")
    outcome = models.CharField(max_length=40, blank=True, help_text="Our code for how it ended.")
    reason = models.CharField(max_length=500, blank=True, help_text="In the provider's words.")
    result = models.JSONField(default=dict, blank=True)
    polls = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["generation", "number"], name="attempts_are_numbered"),
            models.UniqueConstraint(
                fields=["account", "remote_id"],
                condition=~Q(remote_id=""),
                name="one_attempt_a_remote_order",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.generation_id} at {self.account_id}"


class AssetKind(models.TextChoices):
    PANEL = "panel"
    SHEET = "sheet"
    SINGLE = "single"
    UPLOAD = "upload"


class Asset(models.Model):
    """A picture in our storage. The row is written after the object was stored and checked."""

    public_id = models.UUIDField(unique=True, default=new_id, editable=False)
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="assets")
    kind = models.CharField(max_length=6, choices=AssetKind)
    position = models.PositiveSmallIntegerField(help_text="From 0; people see it from 1.")
    key = models.CharField(max_length=200, unique=True)
    content_type = models.CharField(max_length=40)
    size_bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    crc32 = models.PositiveBigIntegerField()
    perceptual_hash = models.CharField(max_length=16)
    dominant_colour = models.CharField(max_length=7)
    blur = models.TextField(help_text="A WebP of 20 px, in base64.")
    provider_expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["generation", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["generation", "kind", "position"], name="one_asset_a_place"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="asset_newest"),
        ]

    def __str__(self) -> str:
        return self.key

    def rendition_key(self, side: int) -> str:
        """Where the WebP with this long side, in pixels, is stored."""
        return f"{self.key.rpartition('.')[0]}.{side}.webp"


class EventState(models.TextChoices):
    RECEIVED = "received"
    PROCESSED = "processed"
    PARKED = "parked"


class InboundEvent(models.Model):
    """A webhook as it came in, kept raw. What it means is decided later, by `pipeline.receive`."""

    protocol = models.CharField(max_length=20)
    attempt = models.ForeignKey(
        Attempt, on_delete=models.PROTECT, null=True, blank=True, related_name="events"
    )
    body = models.BinaryField()
    # SHA-256 of token and body: a provider repeats itself until it sees a 2xx.
    dedupe_key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=9, choices=EventState, default=EventState.RECEIVED)
    parked_reason = models.CharField(max_length=60, blank=True)
    remote_address = models.GenericIPAddressField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"], name="event_waiting", condition=Q(state="received")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.protocol} event {self.pk}"

    @property
    def text(self) -> str:
        """The body for people to read."""
        return bytes(self.body).decode("utf-8", errors="replace")


def excerpt(words: Any, *, limit: int = 500) -> str:
    """Text from outside, made fit for a column: one line, no NUL, cut."""
    return " ".join(str(words).replace("\x00", "").split())[:limit]
