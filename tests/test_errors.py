import pytest

from kit.errors import InterruptedRunError, KitError, UserError


def test_message_order_is_where_what_expected_received_hint() -> None:
    error = UserError(
        "not a digit", where="train.csv, line 3", expected="0 to 255", received="x", hint="fix it"
    )
    assert str(error).splitlines() == [
        "train.csv, line 3: not a digit",
        "expected 0 to 255, received x",
        "fix it",
    ]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "wrong"),
        ({"where": "a.csv"}, "a.csv: wrong"),
        ({"expected": "1"}, "wrong\nexpected 1"),
        ({"received": "2"}, "wrong\nreceived 2"),
        ({"hint": "do it"}, "wrong\ndo it"),
    ],
)
def test_missing_parts_leave_no_empty_line(parts: dict[str, str], message: str) -> None:
    assert str(KitError("wrong", **parts)) == message


@pytest.mark.parametrize(("kind", "code"), [(KitError, 1), (UserError, 2), (InterruptedRunError, 130)])
def test_exit_codes(kind: type[KitError], code: int) -> None:
    assert kind("wrong").exit_code == code


def test_input_of_the_user_stays_on_one_line() -> None:
    error = KitError("unknown key x\ny", where="--set \x1b[31m", received="\ud800")
    assert str(error) == "--set \\x1b[31m: unknown key x\\ny\nreceived \\ud800"


def test_several_hints_have_a_line_each() -> None:
    assert (
        str(KitError("it failed", hint=["look at\nthe log", "rerun"]))
        == "it failed\nlook at\\nthe log\nrerun"
    )
