import pytest

from kit.reports.html.text import counted, first_few, short


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (2400, "2,400 rows")]
)
def test_a_number_has_its_noun(number: int, text: str) -> None:
    assert counted(number, "row") == text


@pytest.mark.parametrize(("names", "text"), [("abc", "a, b, c"), ("abcde", "a, b, c, d, e")])
def test_few_names_are_listed(names: str, text: str) -> None:
    assert first_few(list(names)) == text


def test_the_number_of_names_left_out_is_given() -> None:
    assert first_few(list("abcdefgh")) == "a, b, c, d, e and 3 more"


@pytest.mark.parametrize(
    ("name", "text"), [("7", "7"), ("ten digits", "ten digits"), ("Tomato___Virus_12", "Toma…us_12")]
)
def test_a_long_name_keeps_beginning_and_end(name: str, text: str) -> None:
    assert short(name) == text
