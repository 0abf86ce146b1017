"""What RQ calls in the worker. A job carries one id; it may run twice, late or never.

Both jobs only ring: the loop finds in the database what is due, this row among it.
"""

from generations.pipeline.engine import Engine

_engine: Engine | None = None


def serve(engine: Engine) -> None:
    """Name the loop that this process runs."""
    global _engine  # noqa: PLW0603 - RQ finds jobs by their module's path, so here is where it looks
    _engine = engine


def ring_generation(generation_id: str) -> None:
    _ring()


def ring_event(event_id: str) -> None:
    _ring()


def _ring() -> None:
    if _engine is not None:
        _engine.ring()
