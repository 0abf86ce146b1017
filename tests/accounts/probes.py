"""Addresses that show what a view finds on its request, beside the product's own."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path

from accounts.http import TeamRequest


def silent(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing was touched")


def told(request: TeamRequest) -> JsonResponse:
    viewer = request.viewer
    return JsonResponse(
        {"team": request.team.pk, "viewer": [viewer.user_id, viewer.team_id, viewer.role]}
    )


async def silent_async(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing was touched")


async def told_async(request: TeamRequest) -> JsonResponse:
    viewer = await request.aviewer()
    return JsonResponse({"viewer": [viewer.user_id, viewer.team_id, viewer.role]})


def shown(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(request.GET["template"])
    return HttpResponse(template.render({}, request))


urlpatterns = [
    path("silent", silent),
    path("told", told),
    path("silent-async", silent_async),
    path("told-async", told_async),
    path("shown", shown, name="shown"),
    path("", include("imagestudio.urls")),
]
