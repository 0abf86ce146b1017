"""A log is lines, whatever strangers send."""

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from imagestudio.lib.logs import LineFormatter


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a terminal would show."""
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    handler.setFormatter(LineFormatter())
    logging.getLogger().addHandler(handler)
    yield shown
    logging.getLogger().removeHandler(handler)


def test_text_from_outside_forges_no_second_line(log: io.StringIO):
    logging.getLogger("studio").warning("refused", extra={"code": "busy\nERROR all is lost"})

    assert len(log.getvalue().splitlines()) == 1
    assert r"code=busy\nERROR all is lost" in log.getvalue()


def test_a_failure_of_ours_brings_its_traceback(log: io.StringIO):
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("studio").exception("step failed")

    assert "Traceback" in log.getvalue()
    assert log.getvalue().rstrip().endswith("RuntimeError: broken")


def test_a_foreign_host_name_is_one_line(log: io.StringIO):
    answer = Client(raise_request_exception=False).get("/healthz", headers={"host": "evil.test"})

    assert answer.status_code == 400
    (line,) = log.getvalue().splitlines()
    assert "evil.test" in line


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    ["/webhooks/journeyapi/s3cret", "/files/t/s3cret/x", "/accounts/password/reset/key/s3cret"],
)
def test_an_address_that_is_a_key_stays_out(log: io.StringIO, address: str):
    answer = Client().put(address)

    assert answer.status_code >= 400
    assert "[hidden]" in log.getvalue()
    assert "s3cret" not in log.getvalue()
