"""Workers that run out of memory, hang, diverge or lose their data, under `kit cv`.

The workers are stand-ins: they speak the protocol of kit.training.wire, but learn nothing.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from kit.records import MemberReport
from kit.run_folder import RUNS, Run
from tests.stand_ins import MEMBERS, stored
from tests.workplace import Ended

Cv = Callable[..., Ended]

pytestmark = pytest.mark.slow


def members() -> list[MemberReport]:
    return list(Run(RUNS / "mine").read_report().members)


ALLOCATES = """
def lives(mark):
    return Path("/proc", mark.name.partition("-")[2]).exists()
(marks / f"running-{os.getpid()}").touch()
if fold in (1, 2) and (first_time() or fold == 2):
    bytearray(8 << 30)
if fold == 1:
    (marks / "beside").write_text(str(sum(map(lives, marks.glob("running-*")))))
finish()
"""
LIMITED = "resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))"


def test_a_member_beyond_the_memory_limit_is_trained_again_alone_and_else_the_limit_is_named(
    cv: Cv, workdir: Path
) -> None:
    done = cv(ALLOCATES, "--jobs", "2", setup=LIMITED)
    assert done.code == 1
    for fold in (1, 2):
        what = f"warning: knn-f{fold}-s0: its worker ran out of memory (MemoryError)"
        assert f"{what}; retrying alone, after the other members" in done.err
    assert (workdir / "marks/beside").read_text() == "1"
    last = done.err.splitlines()[-3:]
    assert last[0] == (
        "kit: 1 of 4 members failed; knn-f2-s0: its worker ran out of memory (MemoryError), "
        "also when it was trained alone"
    )
    assert last[1].startswith("6 GiB memory (ulimit -v; the machine has ")
    assert stored() == [MEMBERS[0], MEMBERS[1], MEMBERS[3]]
    assert (RUNS / "mine/members/knn-f2-s0.log").read_text().count("MemoryError") >= 2


def test_a_worker_that_hangs_is_killed_and_retried_once(cv: Cv) -> None:
    code = "if fold == 2 or (fold == 1 and first_time()): time.sleep(600)\nfinish()"
    setup = "watchdog.PATIENCE = watchdog.Patience(least=0.5, start=0.5, tick=0.05)"
    done = cv(code, "--jobs", "1", setup=setup)
    assert done.code == 1
    assert "warning: knn-f1-s0: its worker hangs: no message for " in done.err
    assert "kit: 1 of 4 members failed; knn-f2-s0: its worker hangs: no message for " in done.err
    assert stored() == [MEMBERS[0], MEMBERS[1], MEMBERS[3]]
    assert Run(RUNS / "mine").read_record().status == "failed"


def test_a_member_that_diverges_is_reported(cv: Cv) -> None:
    code = """
if fold == 1 and not job["seed_offset"]:
    send({"failed": "it diverged in epoch 1: the loss is nan", "hint": None, "kind": "diverged"})
finish()
"""
    done = cv(code)
    assert done.code == 0
    why = "knn-f1-s0: it diverged in epoch 1: the loss is nan; retrying with other random numbers"
    assert f"warning: {why}" in done.err
    assert "1 member diverged and was trained again with other random numbers: knn-f1-s0" in " ".join(
        done.out.split()
    )
    assert [one.diverged for one in members()] == [False, True, False, False]
    page = (RUNS / "mine/report.html").read_text()
    assert "1 member diverged and was trained again with other random numbers: knn-f1-s0" in page


def test_a_member_whose_predictions_are_not_finite_has_diverged(cv: Cv) -> None:
    code = "if not job['seed_offset']: np.savez = lambda *a, save=np.savez, **k: save(*a, **{**k, " + (
        "'test_probs': k['test_probs'] * np.float32('nan')})\nfinish()"
    )
    done = cv(code)
    assert done.code == 0
    assert [one.diverged for one in members()] == [True] * 4


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("mapped = np.load(path, mmap_mode='r'); os.truncate(path, 128); mapped.sum()", "changed"),
        ("np.save(folder / 'new.npy', np.load(path) ^ 1); os.replace(folder / 'new.npy', path)", "changed"),
        ("__import__('shutil').rmtree(folder)", "disappeared"),
    ],
    ids=["truncated", "replaced", "removed"],
)
def test_a_cache_that_changes_ends_the_run_and_is_named(cv: Cv, change: str, state: str) -> None:
    done = cv(
        f"path = folder / 'train_images.npy'\nif fold == 1 and first_time(): {change}\nfinish()",
        "--jobs",
        "1",
    )
    assert done.code == 1
    assert "3 of 4 members failed" in done.err
    assert f"train_images.npy: this file of the data cache {state} while it was in use" in done.err
    assert stored() == [MEMBERS[0]]
    again = cv("finish()")
    assert again.code == 0
    assert stored() == MEMBERS


def test_a_replaced_train_csv_does_not_disturb_the_run_and_the_next_call_names_it(
    cv: Cv, workdir: Path
) -> None:
    train, other = workdir / "data/train.csv", workdir / "marks/train.csv"
    head, *rows = train.read_text().splitlines()
    other.write_text("\n".join([head, *reversed(rows)]) + "\n")
    done = cv(f"if fold == 1: os.replace(marks / 'train.csv', {str(train)!r})\nfinish()", "--jobs", "1")
    assert done.code == 0
    again = cv("finish()")
    assert again.code == 2
    assert "this run used different settings (data: " in again.err
