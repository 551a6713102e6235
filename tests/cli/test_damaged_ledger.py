"""Damaged lines of the ledger: named, never used, and no reason to send a submission again."""

from pathlib import Path

import pytest

from tests.kaggle_server import KaggleServer
from tests.workplace import kit, write_run

pytestmark = pytest.mark.slow
LEDGER = Path("submissions/ledger.jsonl")
NAMED = "submissions/ledger.jsonl, line {}: damaged, not used; kit submissions asks Kaggle whether its "


def damage(*numbers: int) -> None:
    """Change a digit in these lines, from 1."""
    lines = LEDGER.read_text().splitlines()
    for number in numbers:
        lines[number - 1] = lines[number - 1].replace('"rows":', '"rowz":').replace("0.98", "0.99", 1)
    LEDGER.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("lines", [(2, 3, 4), (1, 2, 3, 4)])
def test_a_damaged_line_is_named_and_nothing_is_sent_again(
    kaggle: KaggleServer, lines: tuple[int, ...]
) -> None:
    write_run()
    assert kit("submit").code == 0
    assert len(LEDGER.read_text().splitlines()) == 4
    damage(*lines)
    again = kit("submit", "--wait", "0s")
    assert len(kaggle.submissions) == 1, again
    assert "already sent" in again.err or "was submitted" in again.err, again
    for number in lines:
        assert again.err.count(NAMED.format(number)) == 1


def test_submissions_shows_what_only_a_damaged_line_had(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit").code == 0
    damage(1, 2, 3, 4)
    shown = kit("submissions", "--json")
    assert shown.code == 0
    assert '"public_score": "0.98500"' in shown.out
    assert len(kaggle.submissions) == 1


def test_a_torn_line_is_named(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit").code == 0
    with LEDGER.open("a") as file:
        file.write('{"tag": "kit-000000000000", "sta')
    shown = kit("submissions", "--json")
    assert shown.code == 0
    assert NAMED.format(5) in shown.err
    assert len(kaggle.submissions) == 1
