import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.audit import report

ROOT = Path(__file__).parents[2]
CLEAN: dict[str, Any] = {"name": "numpy", "version": "2.5.0", "vulns": []}
FAULTY: dict[str, Any] = {
    "name": "keras",
    "version": "3.8.0",
    "vulns": [{"id": "CVE-2025-1550", "fix_versions": ["3.9.0"], "aliases": []}],
}
UNKNOWN: dict[str, Any] = {"name": "private", "skip_reason": "not found"}


def test_a_finding_is_printed_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([CLEAN, FAULTY, UNKNOWN], "constraints.txt") == 1
    assert capsys.readouterr().out.splitlines() == [
        "audit: keras 3.8.0: CVE-2025-1550, fixed in 3.9.0",
        "audit: 1 known vulnerabilities in 2 packages of constraints.txt; the service does not know 1 others",
    ]


def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([CLEAN], "constraints.txt") == 0
    assert capsys.readouterr().out == "audit: 0 known vulnerabilities in 1 packages of constraints.txt\n"


def test_a_service_that_knows_nothing_has_audited_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([UNKNOWN], "constraints.txt") == 0
    assert "nothing was audited, the service knows none of the 1 packages" in capsys.readouterr().out


def test_without_an_answer_it_says_so_and_passes(tmp_path: Path) -> None:
    """`pip_audit` is replaced by a program that ends as it does without a network."""
    (tmp_path / "pip_audit.py").write_text("import sys; sys.exit('ConnectionError: no route to host')")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/audit.py")],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("audit: nothing was audited, no vulnerability service answered: Connection")
