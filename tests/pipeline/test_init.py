import zipfile
from pathlib import Path

import pytest

from kit import config
from kit.data import archives, layout
from kit.errors import UserError
from kit.pipeline.init import Place, Written, find_place, init, slug_of
from tests.inspected import write_csv, write_images


@pytest.fixture(autouse=True)
def _bases(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provide base configurations that do not depend on the shipped ones."""
    for name in ("images", "photos"):
        (workdir / "configs").mkdir(exist_ok=True)
        (workdir / f"configs/{name}.yaml").write_text("extends: baselines\n")
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", (workdir / "input/competitions", workdir / "input"))


def write_competition(folder: Path) -> Path:
    rows = [[f"x{place}", ["a: b", "it's", "größe"][place % 3]] for place in range(12)]
    write_csv(folder / "labels.csv", ["id", "breed"], rows)
    write_csv(folder / "sample_submission.csv", ["id", "breed"], [["t0", "a: b"], ["t1", "a: b"]])
    write_images(folder / "train", [f"x{place}.jpg" for place in range(12)])
    write_images(folder / "test", ["t0.jpg", "t1.jpg"])
    return folder


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def run(place: Place, name: str | None = None, *, force: bool = False) -> Written:
    return init(place, name, force=force, train=None, ask=lambda _: None, on_progress=lambda *_: None)


def test_a_folder_is_read_in_place(workdir: Path) -> None:
    write_competition(workdir / "my dogs")
    written = run(find_place("my dogs", None))
    loaded = config.load("my-dogs")
    assert written.path == Path("configs/my-dogs.yaml")
    assert (loaded.data.directory, loaded.competition.slug) == ("my dogs", "my-dogs")
    assert (loaded.competition.train, loaded.competition.label_column) == ("labels.csv", "breed")
    assert loaded.image.size == 8


def test_a_zip_is_unpacked_into_data(workdir: Path) -> None:
    source = zipped(write_competition(workdir / "files"), workdir / "dog-breed (1).zip")
    written = run(find_place(str(source), None))
    assert config.load("dog-breed").data.directory == "data/dog-breed"
    assert Path("data/dog-breed/train/x0.jpg").is_file()
    assert written.lines[0].text == "dog-breed (1).zip is unpacked into data/dog-breed/"


def test_what_is_unpacked_already_is_read_as_it_is(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = zipped(write_competition(workdir / "data/dogs"), workdir / "dogs.zip")
    monkeypatch.setattr(archives, "unpack", lambda *_: pytest.fail("unpacked again"))
    written = run(find_place(str(source), None))
    assert written.lines[0].text == "data/dogs/ is there already: dogs.zip is not unpacked again"


def test_a_configuration_is_replaced_only_by_force(workdir: Path) -> None:
    place = find_place(str(write_competition(workdir / "dogs")), None)
    Path("configs/dogs.yaml").write_text("extends: quick\n")
    with pytest.raises(UserError, match=r"configs/dogs\.yaml: there is a configuration of this name"):
        run(place)
    assert Path("configs/dogs.yaml").read_text() == "extends: quick\n"
    run(place, force=True)
    assert config.load("dogs").competition.form == "table"


def test_an_invalid_configuration_is_not_kept(workdir: Path) -> None:
    place = find_place(str(write_competition(workdir / "dogs")), None)
    Path("configs/images.yaml").write_text("extends: nothing\n")
    with pytest.raises(UserError, match="there is no configuration 'nothing'"):
        run(place)
    assert not Path("configs/dogs.yaml").exists()


def test_the_name_is_also_that_of_the_competition(workdir: Path) -> None:
    place = find_place(str(write_competition(workdir / "archive")), "Dogs-2020")
    run(place, "Dogs-2020")
    assert config.load("Dogs-2020").competition.slug == "Dogs-2020"


def test_a_known_competition_may_have_a_short_name(workdir: Path) -> None:
    place = find_place(str(write_competition(workdir / "cifar-10")), "cifar")
    assert (place.slug, run(place, "cifar").name) == ("cifar-10", "cifar")


def test_names_are_spelled_as_on_kaggle() -> None:
    assert slug_of("kannada-mnist") == "Kannada-MNIST"
    assert slug_of("my data (copy)") == "my-data-copy"


def test_the_metric_line_is_named(workdir: Path) -> None:
    written = run(find_place(str(write_competition(workdir / "dogs")), None))
    text = next(line.text for line in written.lines if line.topic == "metric")
    number = int(text.rpartition(" ")[2])
    assert text.startswith("unknown, accuracy assumed: change it here: configs/dogs.yaml, line ")
    assert Path("configs/dogs.yaml").read_text().splitlines()[number - 1].startswith("  metric: accuracy")


def test_without_a_source_the_only_folder_in_data(workdir: Path) -> None:
    write_competition(workdir / "data/dogs")
    (workdir / "data/.cache").mkdir()
    assert find_place(None, None) == Place(Path("data/dogs"), Path("data/dogs"), "dogs")


def test_without_a_source_data_itself(workdir: Path) -> None:
    write_competition(workdir / "data")
    assert find_place(None, "dogs") == Place(Path("data"), Path("data"), "dogs")


def test_a_vague_folder_has_the_name_of_the_folder_above(workdir: Path) -> None:
    write_competition(workdir / "leaves/data")
    assert find_place("leaves/data", None).slug == "leaves"


def test_several_folders_in_data_are_named(workdir: Path) -> None:
    for name in ("cats", "dogs"):
        write_competition(workdir / "data" / name)
    with pytest.raises(UserError, match=r"received data/cats, data/dogs\nname one: kit init data/cats"):
        find_place(None, None)


def test_without_data_the_input_of_a_kaggle_notebook(workdir: Path) -> None:
    write_competition(workdir / "input/competitions/dogs")
    assert find_place(None, None).folder == workdir / "input/competitions/dogs"


@pytest.mark.usefixtures("workdir")
def test_nothing_to_look_at() -> None:
    with pytest.raises(UserError, match=r"data/: there are no files to look at"):
        find_place(None, None)
    with pytest.raises(UserError, match=r"nothing\.zip: there is no such file or folder"):
        find_place("nothing.zip", None)


def test_a_file_that_is_no_archive(workdir: Path) -> None:
    (workdir / "dogs.zip").write_text("no zip")
    with pytest.raises(UserError, match=r"dogs\.zip"):
        run(find_place("dogs.zip", None))
    assert not Path("data").exists()


def test_a_folder_with_archives_is_unpacked(workdir: Path) -> None:
    write_competition(workdir / "files")
    folder = workdir / "dogs"
    folder.mkdir()
    for part in ("train", "test"):
        zipped(workdir / "files" / part, folder / f"{part}.zip")
    for name in ("labels.csv", "sample_submission.csv"):
        (workdir / "files" / name).rename(folder / name)
    place = find_place("dogs", None)
    assert (place.folder, place.is_packed) == (Path("data/dogs"), True)
