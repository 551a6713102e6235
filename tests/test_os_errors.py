import errno

import pytest

from kit.os_errors import exit_code, explained, hint, name_file

COMMON = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOENT)


@pytest.mark.parametrize("number", COMMON)
def test_a_common_error_has_a_hint_of_its_own(number: int) -> None:
    assert hint(OSError(number, "x")) != hint(OSError(errno.EXDEV, "x"))


def test_an_error_without_a_file_gets_one() -> None:
    error = OSError(errno.EIO, "broken")
    name_file(error, "runs/a")
    assert explained(error).startswith("runs/a: broken; look at the disk")


def test_an_error_keeps_its_file_unless_that_is_to_be_replaced() -> None:
    error = OSError(errno.EIO, "broken", ".a.tmp")
    name_file(error, "a")
    assert error.filename == ".a.tmp"
    name_file(error, "a", ".a.tmp")
    assert error.filename == "a"


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 2), (errno.EIO, 1), (errno.EXDEV, 1)])
def test_a_broken_disk_is_not_the_fault_of_the_user(number: int, code: int) -> None:
    assert exit_code(OSError(number, "x")) == code
