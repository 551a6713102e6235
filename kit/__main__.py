"""The program `kit`; `python -m kit` is the same."""

import os
import sys

# Nothing else is imported up here: the module search path is not clean yet.


def main() -> None:
    """Run the command line in an interpreter that imports nothing from the working folder, and exit."""
    _order_search_path()
    _open_streams()
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


def _order_search_path() -> None:
    """Take the working folder out of the module search path, and put PYTHONPATH behind all else.

    A random.py there is the user's own. `python -m` puts the working folder first, and so does an empty entry
    of PYTHONPATH, as in PYTHONPATH=$PYTHONPATH:/lib.
    """
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib would load modules before the path is clean
    except FileNotFoundError:
        sys.stderr.write("kit: the working folder is gone; change to another\n")
        sys.exit(2)
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - see above
    users = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)]  # noqa: PTH100 - see above
    kept = [entry for entry in sys.path if entry not in {"", here}]
    sys.path[:] = [entry for entry in kept if entry not in users] + [
        entry for entry in kept if entry in users
    ]
    if own not in sys.path:
        sys.path.append(own)


def _open_streams() -> None:
    """Open what the caller has closed: else the next file that is opened would take its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # The lowest number that is free.
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process


if __name__ == "__main__":
    main()
