"""The addresses that machines ask."""

import pytest
from django.test import Client


def test_alive_asks_nobody(visitor, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = visitor.get("/healthz")

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_ready_without_redis_because_submits_do_without_it(visitor):
    answer = visitor.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "up", "storage": "up", "queue": "down"}


def test_ready_says_that_redis_is_up(visitor, redis_server, settings):
    settings.REDIS_URL = redis_server.url

    assert visitor.get("/readyz").json()["queue"] == "up"


def test_not_ready_without_storage(visitor, settings, tmp_path):
    (tmp_path / "media").write_text("a file where the folder should be")
    settings.MEDIA_ROOT = tmp_path / "media"

    answer = visitor.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["storage"] == "down"


def test_metrics_for_a_monitor_on_this_machine(visitor):
    body = visitor.get("/metrics").content.decode()

    assert 'imagestudio_generations{status="QUEUED"} 0.0' in body
    assert "imagestudio_queue_up 0.0" in body
    assert "imagestudio_oldest_due_seconds 0.0" in body


@pytest.mark.parametrize(
    "headers",
    [
        {"REMOTE_ADDR": "203.0.113.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.7"},
        {"HTTP_FORWARDED": "for=203.0.113.7"},
    ],
)
def test_metrics_are_nothing_to_strangers_even_through_a_local_proxy(visitor, headers):
    assert visitor.get("/metrics", **headers).status_code == 404


def test_metrics_for_staff_from_anywhere(user):
    user.is_staff = True
    user.save()
    client = Client(REMOTE_ADDR="203.0.113.7")
    client.force_login(user)

    assert client.get("/metrics").status_code == 200
