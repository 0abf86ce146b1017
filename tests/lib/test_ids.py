"""Public identifiers sort by the time at which they were made."""

import time_machine

from imagestudio.lib.ids import new_id


def test_an_id_is_a_uuid_of_version_seven():
    made = new_id()

    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_later_ids_sort_behind_earlier_ones():
    with time_machine.travel("2026-01-01T00:00:00.001Z", tick=False):
        earlier = new_id()
    with time_machine.travel("2026-01-01T00:00:00.002Z", tick=False):
        later = new_id()

    assert earlier < later
    assert str(earlier) < str(later)


def test_ids_of_one_moment_differ():
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        assert len({new_id() for _ in range(1000)}) == 1000
