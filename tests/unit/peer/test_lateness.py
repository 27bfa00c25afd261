"""Who publishes hears that it falls behind, and not of a hiccup."""

from peer.lateness import AGAIN, LASTS, LATE, Lateness


def told(lates: list[float]) -> list[int]:
    lateness = Lateness()
    return [index for index, late in enumerate(lates) if lateness.part(late, index / 10)]


def test_a_machine_that_cannot_keep_up_is_told_of_once_a_minute() -> None:
    parts = int((LASTS + 2 * AGAIN + 1) * 10)
    assert told([LATE + part / 10 for part in range(1, parts)]) == [
        int(10 * after) for after in (LASTS, LASTS + AGAIN, LASTS + 2 * AGAIN)
    ]


def test_a_hiccup_is_not_told_of() -> None:
    late = [2 * LATE] * int(LASTS * 10 - 1)
    assert told([*late, 0.1, *late, LATE, *late]) == []
