"""The runs whose columns an ensemble combines: read them, and notice when they change."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from kit.config import validate
from kit.ensembling.columns import Column, ColumnKey, assemble
from kit.errors import KitError, UserError
from kit.files import REPAIR
from kit.members import ARRAYS, Member, MemberResult
from kit.records import RunRecord, SourceRun
from kit.run_folder import Run, find_run


@dataclass(frozen=True, eq=False)
class SourceColumns:
    """The columns of one run.

    Attributes:
        source: the run, for the record of the ensemble.
        columns: not calibrated.
        members: the results of which the columns consist.
    """

    source: SourceRun
    columns: list[Column]
    members: dict[Member, MemberResult]

    def labelled(self) -> tuple[list[Column], dict[Member, MemberResult]]:
        """Return columns and members under names that are unique over runs: run/model.

        A run with one model gives that model its name.
        """
        models = {column.key.model for column in self.columns}
        label = {model: label_of(self.source, model, models) for model in models}
        columns = [
            replace(column, key=ColumnKey("", label[column.key.model], column.key.seed))
            for column in self.columns
        ]
        return columns, {
            replace(member, model=label[member.model]): result for member, result in self.members.items()
        }


def label_of(source: SourceRun, model: str, models: Collection[str]) -> str:
    """Return the name, unique over runs, of one of the models of a source."""
    return source.name if len(models) == 1 else f"{source.name}/{model}"


def read_source(run: Run, name: str, *, tta: bool | None = None) -> SourceColumns:
    """Return the columns of a finished run.

    Args:
        run: the run.
        name: unique among the runs of the ensemble.
        tta: whether networks that predicted views give the mean over them; None: as the run's own ensemble.

    Raises:
        KitError: a file is missing or damaged, or members do not fit together.
    """
    record = run.read_record()
    config, folds = validate(record.config), run.read_folds()
    if folds.ndim != 2 or len(folds) != len(config.seeds):
        raise UserError(
            "damaged",
            where=str(run.folds_path),
            expected=f"one row for each of {len(config.seeds)} seeds",
            received=f"an array of shape {folds.shape}",
            hint=REPAIR,
        )
    plain = _members(run)
    views = config.ensemble.tta if tta is None else tta
    members = {member: result.with_views() if views else result for member, result in plain.items()}
    try:
        columns = assemble(members, folds, config.seeds)
    except KitError as error:
        where = f"{run.path}: {error.where}"
        raise UserError(
            error.what, where=where, expected=error.expected, received=error.received, hint=error.hint
        ) from error
    source = SourceRun(
        name=name,
        path=str(run.path),
        hash=record.hash,
        content=_content(plain),
        files=_files(run),
        members=len(members),
        tta=any(members[member] is not plain[member] for member in members),
    )
    return SourceColumns(source, columns, members)


def read_sources(record: RunRecord) -> list[SourceColumns]:
    """Return the columns of the sources of an ensemble, as they were when it was made.

    Raises:
        KitError: a source is gone, or changed.
    """
    parts = []
    for source in record.sources:
        run = find_source(source)
        if run is None or not is_same(run, source):
            raise KitError(f"source run {source.name} {'is gone' if run is None else 'changed'}")
        parts.append(read_source(run, source.name, tta=source.tta))
    return parts


def changed(record: RunRecord) -> Iterator[str]:
    """Yield what became of the sources of an ensemble since it was made, one sentence for each that changed.

    Args:
        record: run.json of the ensemble, or of another run, which has no sources.
    """
    for source in record.sources:
        run = find_source(source)
        if run is None:
            yield f"its source run {source.name} is not there any more: {source.path}"
        elif not is_same(run, source):
            again = f"combine them again: `{record.command} --fresh`"
            yield f"its source run {source.name} changed since; {again}"


def find_source(source: SourceRun) -> Run | None:
    """Return a source run, in its folder or by its name; None if it is not there."""
    for name in (source.path, source.name):
        try:
            return find_run(name)
        except KitError:
            continue
    return None


def is_same(run: Run, source: SourceRun) -> bool:
    """Return whether a run has the members that it had when it became a source."""
    try:
        if not run.is_finished() or len(run.planned()) != source.members:
            return False
        if _files(run) == source.files:
            return True
        return _content(_members(run)) == source.content
    except (KitError, OSError):
        return False


def _members(run: Run) -> dict[Member, MemberResult]:
    """Return all members of a run.

    Raises:
        UserError: one is missing or damaged.
    """
    members, command = {}, run.read_record().command
    for member in run.planned():
        try:
            members[member] = run.read_member(member)
        except UserError as error:
            hint = f"rerun the run's command, which trains only what is missing or damaged: `{command}`"
            raise UserError(error.what, where=error.where, hint=hint) from error
    return members


def _files(run: Run) -> str:
    paths = [run.member_path(member) for member in sorted(run.planned())]
    stats = [(path.name, path.stat()) for path in paths]
    text = json.dumps([(name, one.st_size, one.st_mtime_ns) for name, one in stats])
    return sha256(text.encode()).hexdigest()


def _content(members: Mapping[Member, MemberResult]) -> str:
    digest = sha256()
    for member in sorted(members):
        digest.update(str(member).encode())
        for name in ARRAYS:
            array = getattr(members[member], name)
            if array is not None:
                digest.update(f"{name}{array.shape}".encode())
                digest.update(array.tobytes())
    return digest.hexdigest()
