"""What is answered when no view has an answer, and what nobody else may keep of any answer."""

import asyncio

import pytest
from dj_database_url import parse
from django.db.utils import ConnectionHandler
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

NOWHERE = parse("sqlite:////nowhere/at/all.sqlite3")


def database_away(_request: HttpRequest) -> HttpResponse:
    ConnectionHandler({"default": NOWHERE})["default"].cursor()
    raise AssertionError("there is a database nowhere")


def mistake(_request: HttpRequest) -> HttpResponse:
    raise ValueError("a mistake of ours")


urlpatterns = [path("away", database_away), path("mistake", mistake)]
handler500 = "imagestudio.views.broken"
here = pytest.mark.urls(__name__)


@here
@pytest.mark.django_db
def test_a_database_that_is_away_is_a_passing_trouble():
    answer = Client(raise_request_exception=False).get("/away")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "nothing was charged" in answer.text
    assert "Traceback" not in answer.text
    assert "nowhere" not in answer.text


@here
@pytest.mark.django_db
def test_it_is_one_on_an_event_loop_too():
    answer = asyncio.run(AsyncClient(raise_request_exception=False).get("/away"))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


@here
def test_a_mistake_of_ours_is_not():
    answer = Client(raise_request_exception=False).get("/mistake")

    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers
    assert "a mistake of ours" not in answer.text


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/nothing/here", "/gallery/", "/accounts/password/change/"])
def test_what_says_nothing_about_caching_is_private(address):
    answer = Client().get(address)

    assert answer.status_code in (302, 404)
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_it_is_so_on_an_event_loop_too():
    answer = asyncio.run(AsyncClient().get("/nothing/here"))

    assert answer.headers["Cache-Control"] == "private, no-cache"
