"""The stream and the bar: write a prompt, see its price, order it, change your mind."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.billing.credits import InsufficientCredits
from accounts.http import TeamRequest
from generations import forms, queries, wording
from generations.cards import card
from generations.catalog.spec import catalog, find
from generations.models import Generation
from generations.pipeline import cancel as cancelling
from generations.pipeline.submit import PriceChanged
from generations.request import InvalidRequest
from imagestudio.lib.paging import keyset

STREAM_SIZE = 12
SAMPLES = (
    ("A cyberpunk cityscape at night, neon lights on wet streets --ar 16:9", "midjourney"),
    ("A majestic elk in a misty forest at dawn, photorealistic --ar 3:2", "midjourney"),
    ("Lighthouse on a basalt cliff, storm clearing, long exposure", "flux-schnell"),
    ("Terraced hills at dusk seen from a train window, warm rim light", "flux-schnell"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    prompt: str
    model_name: str
    price: int
    url: str


@login_required
@require_GET
@cache_control(private=True, no_cache=True)
def create(request: TeamRequest) -> HttpResponse:
    return _show(request, forms.read(request.GET))


@require_http_methods(["GET", "POST"])
def submit(request: TeamRequest) -> HttpResponse:
    if request.method == "GET":
        # A refused draft is shown at this address; coming back to it later is no order.
        return redirect("create")
    draft = forms.read(request.POST)
    if not cast(HttpRequest, request).user.is_authenticated:
        # The session ended while somebody wrote: the words come along through the log-in.
        return redirect_to_login(_create_url(draft.values))
    try:
        forms.place(request.viewer, draft)
    except InvalidRequest as error:
        return _show(request, draft, refused=error, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except InsufficientCredits as error:
        return _show(request, draft, refused=error, status=HTTPStatus.PAYMENT_REQUIRED)
    except PriceChanged as error:
        return _show(request, draft, refused=error, status=HTTPStatus.CONFLICT)
    # The model and the ratio stay for the next prompt; the bar itself is empty again.
    return redirect(_create_url({name: draft.values[name] for name in ("model", "ratio")}))


@require_GET
@cache_control(private=True, no_store=True)
def quote(request: TeamRequest) -> HttpResponse:
    """The bar again, priced and linted for what stands in it now."""
    if not cast(HttpRequest, request).user.is_authenticated:
        # Nobody is sent away in the middle of a sentence: submitting leads to the log-in.
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    draft = forms.read(request.GET)
    bar = forms.bar(request.viewer, draft, faults=forms.lint(draft))
    return render(request, "generations/_bar.html", {"bar": bar})


@login_required
@require_POST
def cancel(request: TeamRequest, public_id: UUID) -> HttpResponse:
    generation = generation_or_404(request, public_id)
    try:
        outcome = cancelling.cancel(generation)
    except cancelling.AlreadyFinished:
        messages.info(request, "It had already ended; nothing was changed.")
    else:
        messages.success(request, _cancelled(outcome.returned))
    return redirect("create")


def generation_or_404(request: TeamRequest, public_id: UUID) -> Generation:
    try:
        return queries.generation(request.viewer, public_id)
    except Generation.DoesNotExist:
        raise Http404 from None


def _create_url(values: Mapping[str, str]) -> str:
    return f"{reverse('create')}?{urlencode({k: v for k, v in values.items() if v})}"


def _cancelled(returned: int) -> str:
    if returned:
        return f"Cancelled. {wording.credits(returned)} returned."
    return "We stopped waiting. If the image still comes, it is kept and charged."


def _show(
    request: TeamRequest,
    draft: forms.Draft,
    *,
    refused: InvalidRequest | PriceChanged | InsufficientCredits | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    cursor = request.GET.get("cursor", "")
    page = keyset(queries.stream(request.viewer), cursor=cursor, size=STREAM_SIZE)
    faults = forms.faults_of(refused) if refused else forms.lint(draft)
    cards = [card(generation) for generation in page.items]
    context = {
        "bar": forms.bar(request.viewer, draft, faults=faults),
        "cards": cards,
        # Without scripts the page loads itself again, but never under a draft that was refused.
        "refreshes": any(c.is_open for c in cards) and not refused and "still" not in request.GET,
        "next_cursor": page.next_cursor,
        "samples": [] if cards else _samples(),
    }
    return render(request, "generations/create.html", context, status=status)


def _samples() -> list[Sample]:
    return [
        Sample(
            prompt,
            find(model).name,
            find(model).credits,
            _create_url({"model": model, "prompt": prompt}),
        )
        for prompt, model in SAMPLES
        if model in catalog()
    ]
