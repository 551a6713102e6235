import pytest

from kit.reports.formatting import p_number, p_value


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
