"""`kit init`: look at a competition's files, write its configuration."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.config import load
from kit.data import archives, layout
from kit.data.inspection import Conclusions, Line, Question, inspect
from kit.data.inspection.files import IMAGES, is_split, walk
from kit.data.inspection.known import known_for, spelled
from kit.errors import UserError
from kit.files import atomic
from kit.names import check_name
from kit.pipeline.new_config import line_of, text_of
from kit.typed import typed

CONFIGS, DATA = Path("configs"), Path("data")
_VAGUE = {
    "data",
    "input",
    "dataset",
    "datasets",
    "files",
    "competition",
    "download",
    "downloads",
    "archive",
    "kaggle",
}
"""Names of folders and zips that say nothing of the competition."""

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Place:
    """The source as given, the folder that the files are read from, and the competition's name."""

    source: Path
    folder: Path
    slug: str

    @property
    def is_packed(self) -> bool:
        """Whether the files have to be unpacked into the folder."""
        return self.source != self.folder


@dataclass(frozen=True)
class Written:
    """The new configuration: its name, its path, and what was concluded."""

    name: str
    path: Path
    lines: tuple[Line, ...]
    commands: tuple[str, ...]


def find_place(source: str | None, name: str | None) -> Place:
    """Return where the competition's files are.

    Args:
        source: a zip or a folder; None: data/, or the only competition of a Kaggle notebook.
        name: that the user gave to the configuration.

    Raises:
        UserError: there is no such file or folder, or nothing to look at.
    """
    path = _default_source() if source is None else Path(source)
    if not path.exists():
        hint = "name the competition's zip, or the folder with its files"
        raise UserError("there is no such file or folder", where=str(path), hint=hint)
    stem = re.sub(r"(\.(zip|tar|tgz|gz|7z))+$", "", path.resolve().name, flags=re.IGNORECASE)
    stem = re.sub(r" ?\(\d+\)$", "", stem)  # as browsers name a second download
    if stem.lower() in _VAGUE and not path.is_file():
        stem = path.resolve().parent.name
    own, wanted = slug_of(stem), slug_of(name or stem)
    slug = own if known_for(own) and not known_for(wanted) else wanted
    return Place(path, DATA / slug if path.is_file() or _is_packed(path) else path, slug)


def slug_of(text: str) -> str:
    """Return text as a competition's name in an address: letters, digits and hyphens."""
    return spelled(re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "competition")


def init(
    place: Place,
    name: str | None,
    *,
    force: bool,
    train: str | None,
    ask: Callable[[Question], str | None],
    on_progress: OnProgress,
) -> Written:
    """Write the configuration of a competition, and return what was concluded.

    Args:
        place: of its files; an archive is unpacked first, unless that was done before.
        name: of the configuration; None: the competition's.
        force: replace a configuration of this name.
        train: name of the training table, if several could be it.
        ask: answers questions; None: nobody can be asked.
        on_progress: called with the name of an archive, the number of its unpacked files, and of all.

    Raises:
        UserError: a file is there already, or the files are not understood or not supported.
    """
    name = name or place.slug.lower()
    check_name(name, "--name")
    path = CONFIGS / f"{name}.yaml"
    if path.exists() and not force:
        hint = "--force replaces it, --name NAME writes another one"
        raise UserError("there is a configuration of this name", where=str(path), hint=hint)
    lines = [_unpacked(place, on_progress)] if place.is_packed else []
    found = inspect(place.folder, place.slug, ask, train)
    heading = (
        f"{name}. Written by `kit init` from {place.source}; `kit data check -c {name}` shows how it is read."
    )
    text = text_of(found.base, heading, place.folder.as_posix(), found.settings)
    with _restored(path):
        with atomic(path) as file:
            file.write(text.encode())
        load(str(path))
    lines += [_with_place(line, path, text) for line in found.lines]
    return Written(name, path, tuple(lines), _commands(name, found))


def _default_source() -> Path:
    """Return data/ or the only folder in it, else the only competition that a Kaggle notebook has.

    Raises:
        UserError: there is none, or there are several.
    """
    if DATA.is_dir():
        inside = [one for one in sorted(DATA.iterdir()) if not one.name.startswith(".")]
        if inside:
            folders = [one for one in inside if one.is_dir()]
            is_shared = len(folders) == len(inside) and not any(
                is_split(one.name) or _has_images(one) for one in folders
            )
            return _only(folders) if is_shared else DATA
    mounted = [
        one
        for root in layout.KAGGLE_INPUTS
        if root.is_dir()
        for one in sorted(root.iterdir())
        if one.is_dir()
    ]
    mounted = [one for one in mounted if one not in layout.KAGGLE_INPUTS]
    if not mounted:
        hint = "name the competition's zip or folder: `kit init competition.zip`"
        raise UserError("there are no files to look at", where=f"{DATA}/", hint=hint)
    return _only(mounted)


def _only(folders: list[Path]) -> Path:
    if len(folders) > 1:
        names = ", ".join(map(str, folders[:4]))
        hint = f"name one: `kit init {folders[0]}`"
        raise UserError("several competitions could be meant", received=names, hint=hint)
    return folders[0]


def _has_images(folder: Path) -> bool:
    return any(one.suffix.lower() in IMAGES for one in folder.iterdir())


def _is_packed(folder: Path) -> bool:
    """Return whether a folder has archives, as train.zip, instead of images, and is not in data/."""
    files = walk(folder)
    return bool(files.archives) and not files.images and folder.resolve().parent != DATA.resolve()


def _unpacked(place: Place, on_progress: OnProgress) -> Line:
    """Unpack an archive, unless its folder is there; return what was done."""
    if place.folder.is_dir() and any(place.folder.iterdir()):
        return Line("files", f"{place.folder}/ is there already: {place.source.name} is not unpacked again")
    archives.unpack(place.source, place.folder, on_progress)
    return Line("files", f"{place.source.name} is unpacked into {place.folder}/")


@contextmanager
def _restored(path: Path) -> Iterator[None]:
    """Restore a file if the block fails."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        raise


def _with_place(line: Line, path: Path, text: str) -> Line:
    """Add where the metric can be changed."""
    if line.topic != "metric" or not line.text.startswith("unknown"):
        return line
    return Line(
        line.topic, f"{line.text}: change it here: {path}, line {line_of(text, 'competition.metric')}"
    )


def _commands(name: str, found: Conclusions) -> tuple[str, ...]:
    """Return the next commands, as the user types them."""
    commands = typed(f"kit data check -c {name}"), typed(f"kit cv -c {name}")
    return (*commands, typed("kit submit")) if found.has_test else commands
