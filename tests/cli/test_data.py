import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kit import cli, config, kaggle_client
from kit.cli.data import command
from kit.data import cache, dataset, file_hashes, layout
from kit.errors import UserError
from tests import competitions

ROOT = Path(cli.__file__).parents[2]
Write = Callable[..., None]


@pytest.fixture(autouse=True)
def _no_data_but_ours(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", (workdir / "input",))
    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: False)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments)
    if isinstance(result.exception, UserError):
        return result
    assert result.exception is None, result.output
    return result


def kit(*arguments: str) -> tuple[int, str, str]:
    """Run the command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "kit", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_check_shows_what_is_there(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "data")
    lines = run("check").stdout.splitlines()
    assert lines[0] == "data/: 60 training and 20 test images of 28 x 28 pixels"
    assert lines[1].startswith("fingerprint ")
    assert lines[5].split() == ["0", "6", "10.0"]
    assert lines[-1] == "Page: runs/data-check-default.html"
    assert len(lines) == 16


def test_check_as_json(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "data")
    shown = json.loads(run("check", "--json").stdout)
    assert len(shown.pop("fingerprint")) == 64
    assert shown == {
        "source": "data/",
        "sample": False,
        "rows": 60,
        "test_rows": 20,
        "image_shape": [28, 28, 1],
        "labels": list("0123456789"),
        "class_counts": [6] * 10,
        "warnings": [],
        "page": "runs/data-check-default.html",
    }
    assert (workdir / shown["page"]).is_file()


def test_a_page_that_cannot_be_written_is_left_out(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "data")
    (workdir / "runs").write_text("a file")
    result = run("check", "--json")
    assert json.loads(result.stdout)["page"] is None
    assert "the page cannot be written to runs/data-check-default.html" in result.stderr


def test_check_shows_warnings(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "data")
    lines = (workdir / "data" / "train.csv").read_text().splitlines()
    (workdir / "data" / "train.csv").write_text("\n".join([*lines, lines[3]]))
    assert "warning: 1 row of train.csv with the pixels of an earlier row" in run("check").stdout


def write_sample(folder: Path, change: Callable[[Any], Any]) -> None:
    """Write the bundled sample with its test images changed."""
    folder.mkdir()
    shutil.copy(layout.SAMPLE / "train.csv.gz", folder)
    header, *_ = gzip.decompress((layout.SAMPLE / "test.csv.gz").read_bytes()).decode().splitlines()
    images = np.loadtxt(layout.SAMPLE / "test.csv.gz", np.uint8, delimiter=",", skiprows=1)
    changed = change(images.reshape(-1, 28, 28)).reshape(len(images), -1)
    np.savetxt(folder / "test.csv", changed, "%d", ",", header=header, comments="")


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("look inverted: mean 221 against 33", lambda x: 255 - x),
        ("look transposed (rows and columns swapped)", lambda x: x.transpose(0, 2, 1)),
        ("are blank", lambda x: 0 * x),
        ("look scaled: the greatest value is 1, against 255", lambda x: (x > 127).astype(np.uint8)),
        ("look mirrored left to right", lambda x: x[:, :, ::-1]),
        ("look rotated by 180 degrees", lambda x: x[:, ::-1, ::-1]),
    ],
)
def test_check_warns_of_test_images_unlike_the_training_images(
    workdir: Path, said: str, change: Callable[[Any], Any]
) -> None:
    write_sample(workdir / "data", change)
    for _ in range(2):  # The second time from the cache.
        warnings = [line for line in run("check").stdout.splitlines() if line.startswith("warning: ")]
        assert [warning.startswith(f"warning: the test images {said}") for warning in warnings] == [True]


def test_an_entry_of_the_version_before_is_not_taken_for_checked(workdir: Path) -> None:
    write_sample(workdir / "data", lambda x: 255 - x)
    settings = config.load("default")
    files = layout.required(workdir / "data", settings.competition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "_VERSION", 1)
        place = workdir / "data/.cache" / cache.key(file_hashes.hashes(files, {}), settings)
    arrays = dataset.open_folder(layout.SAMPLE, settings)
    metadata = cache.Metadata(fingerprint="", labels=(), test_ids=(), warnings=())
    cache.write(
        place, *cache.of_arrays({name: getattr(arrays, name) for name in cache.ARRAYS}, lambda: metadata)
    )
    assert "warning: the test images look inverted" in run("check").stdout


def test_check_says_that_it_is_the_sample(workdir: Path) -> None:
    lines = run("check").stdout.splitlines()
    assert lines[0] == "the bundled sample: 2,400 training and 600 test images of 28 x 28 pixels"
    assert lines[1].startswith("There is no competition data here")
    assert list(tree(workdir)) == ["runs/data-check-default.html"]


def test_check_warns_of_a_likely_group(workdir: Path) -> None:
    made = competitions.write("state-farm", workdir / "files")
    changes = {**made.settings, "data": {"directory": str(made.source)}}
    (workdir / "leaky.yaml").write_text(json.dumps({"extends": "images", **changes, "folds": {}}))
    (workdir / "grouped.yaml").write_text(json.dumps({"extends": "images", **changes}))
    for name, expected in (("leaky", True), ("grouped", False)):
        warnings = json.loads(run("check", "-c", f"{name}.yaml", "--json").stdout)["warnings"]
        assert any(one.startswith("likely groups: column subject") for one in warnings) is expected
    assert "likely groups" in (workdir / "runs/data-check-leaky.html").read_text()


def test_check_counts_distinct_images(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "data")
    lines = (workdir / "data" / "train.csv").read_text().splitlines()
    rows = [line for line in lines if not line.startswith("7,")] + [
        line for line in lines if line.startswith("7,")
    ][:1] * 6
    (workdir / "data" / "train.csv").write_text("\n".join(rows))
    assert "class 7 has one distinct image" in str(run("check").exception)


def test_check_looks_at_the_sample_submission(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "data")
    (workdir / "data" / "sample_submission.csv").write_text("ImageId,Label\n1,0\n3,0\n")
    assert "data/sample_submission.csv" in str(run("check").exception)


def test_fetch_says_what_lies_where(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "source")
    said = run("fetch", "--source", "source").stdout
    expected = "data/ holds train.csv, test.csv, sample_submission.csv: 60 training and 20 test images\n"
    assert said == expected
    assert tree(workdir / "data") == tree(workdir / "source")


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("train.csv", lambda raw: raw.replace(b"\n", b"\r\n"), ""),
        ("train.csv", lambda raw: b"\xef\xbb\xbf" + raw.rstrip(), ""),
        ("test.csv", gzip.compress, ""),
        (
            "train.csv",
            lambda raw: gzip.compress(raw)[:-20],
            "kit: data/train.csv: the gzip is truncated or damaged",
        ),
        ("train.csv", lambda raw: raw[:-5], "kit: data/train.csv, line 61: the last line is truncated\n"),
        ("train.csv", lambda raw: raw.decode().encode("utf-16"), "received UTF-16 text\n"),
        ("test.csv", lambda _: b"", "kit: data/test.csv: the file is empty\n"),
        ("test.csv", lambda _: None, "kit: data/: there is no test.csv\n"),
    ],
)
def test_files_as_a_user_meets_them(
    workdir: Path,
    write_competition: Write,
    name: str,
    edit: Callable[[bytes], bytes | None],
    said: str,
) -> None:
    write_competition(workdir / "data")
    path = workdir / "data" / name
    raw = edit(path.read_bytes())
    path.unlink() if raw is None else path.write_bytes(raw)
    before = tree(workdir)
    code, out, err = kit("data", "check")
    assert (code, said in err) == (2 if said else 0, True)
    if said:
        assert (out, err.count("\n") <= 3, "Traceback" in err) == ("", True, False)
        assert tree(workdir) == before
    else:
        assert err == ""


def test_an_empty_folder_is_enough(workdir: Path) -> None:
    code, out, err = kit("data", "check", "--json")
    assert (code, json.loads(out)["sample"], err) == (0, True, "")
    assert list(tree(workdir)) == ["runs/data-check-default.html"]


def test_nothing_heavy_is_loaded(workdir: Path, write_competition: Write) -> None:
    write_competition(workdir / "data")
    call = "command(['check'], standalone_mode=False)"
    code = f"import sys; from kit.cli.data import command; {call}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert not {
        name for name in ("pandas", "sklearn", "keras", "kaggle", "scipy") if name in done.stdout.split()
    }
