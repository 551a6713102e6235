from io import StringIO

import pytest
from rich.console import Console

from kit.reports.formatting import p_number, p_value, print_row, print_table, wrap


@pytest.mark.parametrize(
    ("p", "number", "value"),
    [
        (1.0, "1", "p = 1"),
        (0.0213, "0.021", "p = 0.021"),
        (3.14e-20, "3.1e-20", "p = 3.1e-20"),
        (0.0, "< 1e-99", "p < 1e-99"),
    ],
)
def test_p_values_have_two_digits_and_are_never_0(p: float, number: str, value: str) -> None:
    assert (p_number(p), p_value(p)) == (number, value)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("interval of 99.3 % here", ["interval of", "99.3 % here"]),
        ("different with p = 0.02", ["different with", "p = 0.02"]),
        ("a mean of 0.25 ± 0.09", ["a mean of", "0.25 ± 0.09"]),
        ("run `kit cv --fresh` now", ["run", "kit cv --fresh", "now"]),
        ("a-hyphenated-name-of-30-letters", ["a-hyphenated-name-of-30-letters"]),
    ],
)
def test_a_line_break_divides_no_word_unit_or_command(text: str, lines: list[str]) -> None:
    assert wrap(text, 15).splitlines() == lines


def test_lines_are_indented() -> None:
    assert wrap("one two three", 12, start="Name  ", indent="      ") == "Name  one\n      two\n      three"


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("kit cv --set a=1234567", ["kit cv --set a=1234567"]),
        ("kit cv --set a=12 --set b=3", ["kit cv --set a=12 \\", "  --set b=3"]),
        ("kit report a-name-of-30-letters-in-all", ["kit report a-name-of-30-letters-in-all"]),
    ],
)
def test_a_command_without_room_starts_at_the_margin_and_continues_at_an_option(
    command: str, lines: list[str]
) -> None:
    assert wrap(f"do: `{command}`", 24, start="Next ", indent="     ").splitlines() == ["Next do:", *lines]


def printed(width: int) -> list[str]:
    out = StringIO()
    cells = {"Run": ["a-long-name", "b"], "Errors": ["12", "3"], "Time": ["1m 00s", "2m 00s"]}
    print_table(Console(file=out, width=width), cells, ["Time", "Errors"])
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_table_loses_the_columns_without_room_and_keeps_names_whole() -> None:
    assert printed(80)[0] == "Run          Errors    Time"
    assert printed(20)[0] == "Run          Errors"
    assert printed(12) == ["Run", "───────────", "a-long-name", "b"]


def test_without_room_for_a_name_it_wraps_at_hyphens() -> None:
    assert printed(5)[2:] == ["a-long-", "name", "b"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("OOF accuracy", "OOF accuracy     99.643 %\n"),
        ("OOF balanced accuracy", "OOF balanced accuracy  99.643 %\n"),
    ],
)
def test_a_long_name_is_separated_from_its_figure(name: str, line: str) -> None:
    console = Console(file=StringIO(), width=80)
    print_row(console, name, "99.643 %")
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue() == line
