"""The exceptions a user may see, and their exit codes."""


class KitError(Exception):
    """Something failed that is not the user's to mend (exit code 1).

    The message is made for people: at most three lines, shown without a traceback.

    Args:
        what: what is wrong, a short sentence without its full stop.
        where: the file, line, column or configuration key; put in front of `what`.
        expected, received: put on one line of their own.
        hint: what to do, the last line.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        received: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.received, self.hint = what, where, expected, received, hint
        contrast = [f"expected {expected}"] if expected else []
        contrast += [f"received {received}"] if received else []
        lines = [f"{where}: {what}" if where else what, ", ".join(contrast), hint or ""]
        super().__init__("\n".join(line for line in lines if line))


class UserError(KitError):
    """The user can mend it: bad input, configuration, credentials, rules or quota (exit code 2)."""

    exit_code = 2


class InterruptedRunError(KitError):
    """The user stopped it (exit code 130); what was finished is kept."""

    exit_code = 130
