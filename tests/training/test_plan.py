from pathlib import Path

import numpy as np
import pytest

from kit.config import Config, merged
from kit.errors import UserError
from kit.members import ALL_ROWS, Member
from kit.training.plan import Setting, make_jobs, plan, setting
from tests import tasks

CONFIG = Config.model_validate(
    {
        "seeds": [4, 2],
        "folds": {"count": 2},
        "competition": {"image_shape": [4, 4], "classes": 3},
        "models": {
            "net": {"stages": [{"filters": 2}], "training": {"precision": "float32"}},
            "knn": {"kind": "knn"},
        },
    }
)


TASK = tasks.make(image_shape=[4, 4], classes=3)


def test_all_of_one_seed_is_trained_before_the_next() -> None:
    members = plan(CONFIG)
    assert len(members) == len(set(members)) == 8
    assert [member.seed for member in members] == [4] * 4 + [2] * 4


def test_the_member_on_all_rows_comes_after_the_folds_of_its_model_and_seed() -> None:
    members = plan(CONFIG.model_copy(update={"all_rows": True}))
    names = [str(member) for member in members]
    assert names[:6] == ["net-f0-s4", "net-f1-s4", "net-all-s4", "knn-f0-s4", "knn-f1-s4", "knn-all-s4"]
    assert len(set(names)) == 12


def test_networks_have_a_backend_and_each_its_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert setting(CONFIG) == Setting("tensorflow", {"net": "float32"})


def test_without_a_network_there_is_no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    only = Config.model_validate({"models": {"knn": {"kind": "knn"}}})
    assert setting(only) == Setting(None, {})
    with pytest.raises(UserError, match="nonsense"):
        setting(CONFIG)


def test_backend_and_precision_decide_a_run() -> None:
    settings = [
        Setting(None, {}),
        Setting("tensorflow", {"net": "float32"}),
        Setting("tensorflow", {"net": "bfloat16"}),
        Setting("jax", {"net": "float32"}),
    ]
    assert len({CONFIG.digest(**one.hash_fields()) for one in settings}) == 4


def test_a_job_holds_out_the_rows_of_its_fold_and_seed(tmp_path: Path) -> None:
    folds = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], np.int8)
    members = [Member("net", 1, 4), Member("knn", 1, 2), Member("knn", ALL_ROWS, 2)]
    net, knn, all_rows = make_jobs(
        members, CONFIG, Setting("jax", {"net": "bfloat16"}), folds, tmp_path, task=TASK
    )
    assert net.held_out.tolist() == [False, False, True, True]
    assert knn.held_out.tolist() == [False, True, False, True]
    assert all_rows.held_out.tolist() == [False] * 4
    assert (net.member, net.model, net.shape, net.classes) == (members[0], CONFIG.models["net"], (4, 4, 1), 3)
    assert (net.backend, net.precision) == ("jax", "bfloat16")
    assert net.folder.is_absolute()


def test_a_network_learns_from_the_members_of_its_fold_and_seed(tmp_path: Path) -> None:
    models = {"knn": {"kind": "knn"}, "net": {"stages": [{"filters": 2}], "teachers": ["knn"]}}
    config = Config.model_validate(merged(CONFIG.model_dump(), {"models": models}))
    members, folds = plan(config), np.zeros((2, 4), np.int8)
    jobs = make_jobs(
        members,
        config,
        setting(config),
        folds,
        tmp_path,
        task=TASK,
        stored=lambda one: tmp_path / f"{one}.npz",
    )
    taught = {str(job.member): [path.name for path in job.teachers] for job in jobs}
    assert taught["net-f1-s2"] == ["knn-f1-s2.npz"]
    assert taught["knn-f1-s2"] == []
    with pytest.raises(ValueError, match="net-f0-s4: nobody says where its teachers are stored"):
        make_jobs(members, config, setting(config), folds, tmp_path, task=TASK)
