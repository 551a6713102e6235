import sys

import pytest

from kit.errors import UserError
from kit.training.launch.dask.launcher import DaskLauncher


def test_without_dask_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError) as caught:
        DaskLauncher("tcp://nowhere:8786").devices(None)
    assert caught.value.what == "training on a cluster needs the package distributed"
    assert caught.value.received == "tcp://nowhere:8786"
