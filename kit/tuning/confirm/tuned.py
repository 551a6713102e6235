"""Write the confirmed winner of a study to configs/tuned-<study>.yaml."""

import os
import tempfile
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.config import Config, Source, load, notation
from kit.errors import KitError, UserError
from kit.files import atomic
from kit.masking import masked
from kit.metrics import METRICS
from kit.records import Comparison, Confirmation
from kit.reports.study.wording import confirmed_text, loss_text
from kit.tuning.confirm.confirmation import fresh_seeds
from kit.tuning.retries import counted

if TYPE_CHECKING:
    from optuna.study import Study

    from kit.tuning.space import Space

MARK = "# Written by kit tune"
"""First line of the file; a file without it belongs to the user."""
OWN = ("folds", "seeds", "tune")
"""Keys that are not copied from the winner: the file gets its own folds and seeds."""
WHY = (
    "# Neither the search nor the confirmation used these folds and seeds, so kit cv's figures are unbiased."
)
WIDTH = 110


def check_target(name: str, source: Source) -> Path:
    """Return the path of the configuration that study `name` writes.

    Raises:
        UserError: the path holds a file that kit did not write, or that the baseline extends.
    """
    path = Path("configs") / f"tuned-{name}.yaml"
    hint = "choose another --study NAME"
    if not os.path.lexists(path):
        return path
    if not path.is_file() or not path.read_bytes().startswith(MARK.encode()):
        raise UserError(
            "`kit tune` did not write this file and will not overwrite it", where=str(path), hint=hint
        )
    if any(layer.path.samefile(path) for layer in source.layers):
        raise UserError(
            f"{source.name} extends this file, which tuning would overwrite", where=str(path), hint=hint
        )
    return path


def write_tuned(
    study: "Study", confirmed: Confirmation, name: str, *, source: Source, space: "Space", command: str
) -> Path:
    """Write the confirmed winner as a configuration that extends the baseline's.

    Its folds are shuffled with another seed, and its seeds are not those of search and confirmation, so that
    its out-of-fold figures come from folds and seeds that had no part in choosing it.

    Args:
        study: holds the trials.
        confirmed: has a winner.
        name: of the study.
        source: the baseline.
        space: turns the winner's parameters into changes.
        command: the command line that found it.

    Returns:
        The path, configs/tuned-<name>.yaml.

    Raises:
        UserError: see `check_target`.
        KitError: the file would not be read as the winner; nothing was written.
    """
    path = check_target(name, source)
    won = confirmed.won
    if won is None:
        raise KitError("no trial was confirmed", where=name)
    changes = space.changes(study.get_trials(deepcopy=False)[won.trial].params)
    winner = source.with_changes(changes)
    seeds = fresh_seeds([*winner.seeds, *confirmed.seeds], len(winner.seeds))
    folds = {"seed": confirmed.shuffle}
    expected = winner.model_copy(
        update={"seeds": tuple(seeds), "folds": winner.folds.model_copy(update=folds)}
    )
    tuned = source.raw(changes)
    header = _header(study, confirmed, won, name=name, source=source, command=command)
    differences = _difference(source.files, tuned)
    # A change may have removed keys, which a file that extends another one cannot.
    for content in ({"extends": _from_configs(source.name)} | differences, tuned):
        own = {"folds": (content.get("folds") or {}) | folds, "seeds": seeds}
        rest = {key: value for key, value in content.items() if key not in OWN}
        text = "\n".join([*header, _yaml(rest) + WHY, _yaml(own)])
        if _reads_as(text, expected, path.parent):
            with atomic(path) as file:
                file.write(text.encode())
            return path
    raise KitError("the winner cannot be written as a configuration file", where=str(path))


def _difference(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what turns `base` into `other` when merged into it; lists are replaced as a whole."""
    changed = {}
    for key, value in other.items():
        before: Any = base.get(key)
        if key not in base or value != before:
            nested = isinstance(before, Mapping) and isinstance(value, Mapping)
            changed[key] = _difference(before, value) if nested else value
    return changed


def _from_configs(config_name: str) -> str:
    """Return the configuration's name, or the path of its file relative to configs/."""
    if not config_name.endswith((".yaml", ".yml")):
        return config_name
    return Path(os.path.relpath(Path(config_name).resolve(), Path("configs").resolve())).as_posix()


def _yaml(content: Mapping[str, Any]) -> str:
    return notation.written(content, WIDTH)


def _reads_as(text: str, expected: Config, folder: Path) -> bool:
    """Return whether a file with this text in `folder` is read as `expected`, except `tune`."""
    folder.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".yaml") as file:
        file.write(text.encode())
        file.flush()
        try:
            found = load(file.name)
        except UserError:
            return False
    return found.model_dump(exclude={"tune"}) == expected.model_dump(exclude={"tune"})


def _header(
    study: "Study", confirmed: Confirmation, won: Comparison, *, name: str, source: Source, command: str
) -> list[str]:
    number = won.trial
    metric, trials = METRICS[source.config.tune.metric], study.get_trials(deepcopy=False)
    before = next((one.value for one in trials if "baseline" in one.user_attrs and one.values), None)
    search = f"{loss_text(metric, trials[number].value)}, baseline {loss_text(metric, before)}"
    seeds = sorted({replicate.seed for replicate in won.replicates})
    lines = [
        f"{MARK}: better {metric.title} than {source.name} on folds and seeds that the search did not use.",
        f"Study {name}, {datetime.now(UTC):%Y-%m-%d}: {len(counted(trials))} trials, this is trial {number}.",
        f"Search: {metric.title} {search}.",
        f"Confirmation: {confirmed_text(metric, confirmed)}. {len(won.replicates)} replicates: "
        f"{confirmed.folds} folds of {len(seeds)} shuffles, seeds {', '.join(map(str, seeds))}.",
    ]
    # Users copy the command, so it stays on one line.
    typed = "".join(letter if letter.isprintable() else " " for letter in masked(command))
    return [_comment(line) for line in lines] + [f"# Found by: {typed}"]


def _comment(line: str) -> str:
    return textwrap.fill(
        line.removeprefix("# "),
        WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
