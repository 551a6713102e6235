"""Entry point of the program `kit` and of `python -m kit`."""

import os
import sys

# No other imports here: the module search path is not clean yet.


def main() -> None:
    """Run the command line and exit; import no module from the working folder."""
    _order_search_path()
    _open_streams()
    # kit has no plugin of pydantic; the search for them reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _check_platform()
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
        _end_interrupted()
    except SystemExit as end:
        if end.code == 130:
            _end_interrupted()
        raise


def _check_platform() -> None:
    from kit import platforms
    from kit.errors import UserError

    try:
        platforms.check()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def _end_interrupted() -> None:
    """Exit with code 130, without Python's own steps at exit.

    After an interrupted import of C++ code, these crash ("Fatal Python error: PyThreadState_Get"): 1 of 150
    interrupted processes did. Under `python -m`, they end the process by SIGINT if a KeyboardInterrupt passed
    through the execution of text, as in `namedtuple` and `dataclass`.
    """
    import atexit
    from contextlib import suppress

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # full disk, closed, or None
            stream.flush()
    os._exit(130)


def _order_search_path() -> None:
    """Remove the working folder from the module search path, and move the entries of PYTHONPATH to its end.

    Otherwise a user's random.py in the working folder would replace the standard module. `python -m` adds the
    working folder, and so does an empty entry of PYTHONPATH, as in PYTHONPATH=$PYTHONPATH:/lib.
    """
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib would load modules before the path is clean
    except FileNotFoundError:
        sys.stderr.write("kit: the working folder no longer exists; change to another one\n")
        sys.exit(2)
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - see above
    user_entries = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)]  # noqa: PTH100 - see above
    entries = [entry for entry in sys.path if entry not in {"", here}]
    sys.path[:] = sorted(entries, key=lambda entry: entry in user_entries)  # sorted is stable
    if package not in sys.path:
        sys.path.append(package)


def _open_streams() -> None:
    """Open closed standard streams: otherwise the next opened file would get their descriptor."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # Takes the lowest free number.
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open until the process ends


if __name__ == "__main__":
    main()
