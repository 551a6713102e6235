import json
import random

import pytest

from kit.submitting.events import from_line, is_event, to_line

EVENT = {"time": "2026-01-01T00:00:00+00:00", "tag": "kit-0123456789ab", "ref": 7, "oof_score": 0.99}


def test_an_event_is_read_as_written() -> None:
    assert from_line(to_line(EVENT).decode()) == EVENT


def test_the_order_of_keys_does_not_matter() -> None:
    event = json.loads(to_line(EVENT))
    assert from_line(json.dumps(dict(reversed(event.items())))) == EVENT


def test_an_event_of_an_earlier_version_has_no_check_value() -> None:
    assert from_line(json.dumps(EVENT)) == EVENT


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_is_found_or_changes_nothing(seed: int) -> None:
    draw, line = random.Random(seed), bytearray(to_line(EVENT).rstrip())
    for _ in range(20):
        place, bit = draw.randrange(len(line)), draw.randrange(8)
        line[place] ^= 1 << bit
        try:
            event = from_line(bytes(line).decode(errors="replace"))
        except ValueError:
            pass
        else:
            known = {name: value for name, value in event.items() if name in EVENT}
            assert known == EVENT, (place, bit)
        line[place] ^= 1 << bit


@pytest.mark.parametrize("line", ["[]", "{", '"text"', "", to_line(EVENT).decode()[:-9]])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


@pytest.mark.parametrize("line", ["", "  ", "<<<<<<< HEAD", "=======", ">>>>>>> other"])
def test_empty_lines_and_marks_of_a_merge_are_no_events(line: str) -> None:
    assert not is_event(line)
