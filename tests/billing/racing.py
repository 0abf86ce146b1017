"""Run acts at the same moment, each with a database connection of its own."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread

from django.db import connection


def together(acts: Sequence[Callable[[], object]]) -> list[object]:
    """What each act returned, or the exception that it raised, in the order given."""
    results: list[object] = [None] * len(acts)
    start = Barrier(len(acts))

    def run(place: int, act: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            results[place] = act()
        except Exception as error:  # noqa: BLE001 - the test looks at each
            results[place] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
