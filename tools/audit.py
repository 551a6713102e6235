"""Report known vulnerabilities of the pinned packages: `make audit`.

Usage: python tools/audit.py [FILE]

pip-audit asks a vulnerability service about each line of FILE, constraints.txt by default. Exit code 1 if
there is a known vulnerability. A service that cannot be reached, or that knows none of the packages (as a
mirror of the package index), is reported, and the exit code is 0.
"""

import json
import subprocess
import sys
from typing import Any

PINS = "constraints.txt"
SECONDS = 300
"""Longest time of the whole audit: a network without answers takes 15 s per package."""
OPTIONS = ("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")


def main() -> int:
    """Audit, print what was found, and return the exit code."""
    file = sys.argv[1] if len(sys.argv) > 1 else PINS
    command = [sys.executable, "-m", "pip_audit", "--requirement", file, *OPTIONS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        _say(f"audit: nothing was audited, no vulnerability service answered within {SECONDS} s")
        return 0
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        _say(f"audit: nothing was audited, no vulnerability service answered: {lines[-1][:300]}")
        return 0
    return report(packages, file)


def report(packages: list[dict[str, Any]], file: str) -> int:
    """Print the findings of pip-audit, one line each, and return the exit code.

    Args:
        packages: the list "dependencies" of its JSON output.
        file: that was audited.
    """
    audited = [one for one in packages if "skip_reason" not in one]
    if not audited:
        _say(f"audit: nothing was audited, the service knows none of the {len(packages)} packages in {file}")
        return 0
    findings = [(one, fault) for one in audited for fault in one["vulns"]]
    for one, fault in findings:
        fixed = ", ".join(fault["fix_versions"]) or "no version"
        _say(f"audit: {one['name']} {one['version']}: {fault['id']}, fixed in {fixed}")
    unknown = f"; the service does not know {len(packages) - len(audited)} others"
    _say(
        f"audit: {len(findings)} known vulnerabilities in {len(audited)} packages of {file}"
        + unknown * (len(audited) < len(packages))
    )
    return 1 if findings else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
