"""The program `kit`; `python -m kit` is the same."""

import os
import sys

# Nothing else is imported up here: the module search path is not clean yet.


def main() -> None:
    """Run the command line in an interpreter that imports nothing from the working folder, and exit."""
    _leave_working_folder_out()
    from kit import interrupts

    try:
        interrupts.install()
        from kit import cli

        try:
            cli.main()
        finally:
            interrupts.ignore()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def _leave_working_folder_out() -> None:
    """Take the working folder out of the module search path: a random.py there is the user's own.

    `python -m` puts it first; so does an empty entry of PYTHONPATH, as in PYTHONPATH=$PYTHONPATH:/lib.
    """
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib would load modules before the path is clean
    except FileNotFoundError:
        sys.stderr.write("kit: the working folder is gone; change to another\n")
        sys.exit(2)
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - see above
    sys.path[:] = [entry for entry in sys.path if entry not in {"", here}]
    if own not in sys.path:
        sys.path.append(own)


if __name__ == "__main__":
    main()
