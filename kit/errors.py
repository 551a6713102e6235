"""Exceptions shown to the user, and their exit codes."""

import re
from collections.abc import Sequence

from kit.masking import masked
from kit.typed import in_typed_form

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that end a line, control a terminal, or cannot be printed; user input may have them."""


def _on_one_line(text: str) -> str:
    return _CONTROL.sub(lambda one: one[0].encode("unicode_escape").decode(), text)


class KitError(Exception):
    """A failure that the user did not cause (exit code 1).

    The message has at most three lines and is shown without a traceback.

    Args:
        what: what is wrong: a short sentence without a full stop.
        where: file, line, column or configuration key; printed before `what`.
        expected, received: printed together on the second line.
        hint: what to do; printed on the last line. Several hints get a line each.

    Commands in backticks, as in `` `kit cv` ``, are printed as the user types them (see `kit.typed`).
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        received: str | None = None,
        hint: str | Sequence[str] | None = None,
    ) -> None:
        what = _on_one_line(what)
        where, expected, received = (one and _on_one_line(one) for one in (where, expected, received))
        hint = "\n".join(map(_on_one_line, [hint] if isinstance(hint, str) else hint or ())) or None
        self.what, self.where, self.expected, self.received, self.hint = what, where, expected, received, hint
        difference = [f"expected {expected}"] if expected else []
        difference += [f"received {received}"] if received else []
        lines = [f"{where}: {what}" if where else what, ", ".join(difference), hint or ""]
        super().__init__(in_typed_form("\n".join(line for line in lines if line)))

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows in place of a traceback."""
        return [f"{type(self).__name__}: {masked(str(self))}"]


class UserError(KitError):
    """The user can fix it: input, configuration, credentials, competition rules or quota (exit code 2)."""

    exit_code = 2


class InterruptedRunError(KitError):
    """The user interrupted the command (exit code 130); finished results are kept."""

    exit_code = 130
