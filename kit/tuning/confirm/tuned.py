"""Write the configuration that was found to configs/tuned-<study>.yaml."""

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
from kit.tuning.confirm.confirmation import fresh_seeds
from kit.tuning.retries import counted

if TYPE_CHECKING:
    from optuna.study import Study

    from kit.tuning.space import Space

MARK = "# Written by kit tune"
"""How the file begins; one that does not is somebody's own."""
OWN = ("folds", "seeds", "tune")
"""What the file does not take from the winner: it gets folds and seeds of its own."""
WHY = (
    "# Folds and seeds that neither search nor confirmation used: kit cv's figures had no part in the choice."
)
WIDTH = 110


def check_target(name: str, source: Source) -> Path:
    """Return the path of the configuration that study `name` writes.

    Raises:
        UserError: kit did not write what lies there, or the baseline is made of it.
    """
    path = Path("configs") / f"tuned-{name}.yaml"
    hint = "choose another --study NAME"
    if not os.path.lexists(path):
        return path
    if not path.is_file() or not path.read_bytes().startswith(MARK.encode()):
        raise UserError("kit tune did not write this file, and leaves it alone", where=str(path), hint=hint)
    if any(layer.path.samefile(path) for layer in source.layers):
        raise UserError(
            f"{source.name} is made of this file: tuning would replace it", where=str(path), hint=hint
        )
    return path


def write_tuned(
    study: "Study",
    confirmed: Mapping[str, Any],
    name: str,
    *,
    source: Source,
    space: "Space",
    command: str,
) -> Path:
    """Write the confirmed winner as a configuration that extends the baseline's, and holds what differs.

    Its folds are shuffled in yet another way, and its seeds are others than those of search and confirmation,
    so that its out-of-fold figures come from folds and seeds that had no part in choosing it.

    Args:
        study: holds the trials.
        confirmed: what `confirm` returned, with a winner.
        name: of the study.
        source: the baseline.
        space: turns the winner's parameters into changes.
        command: the command line that found it.

    Returns:
        The path, configs/tuned-<name>.yaml.

    Raises:
        UserError: see `check_target`.
        KitError: the file would not say what was confirmed; nothing was written.
    """
    path = check_target(name, source)
    changes = space.changes(study.get_trials(deepcopy=False)[confirmed["winner"]].params)
    winner = source.with_changes(changes)
    seeds = fresh_seeds([*winner.seeds, *confirmed["seeds"]], len(winner.seeds))
    folds = {"seed": confirmed["folds_seed"] + 1}
    expected = winner.model_copy(
        update={"seeds": tuple(seeds), "folds": winner.folds.model_copy(update=folds)}
    )
    tuned = source.raw(changes)
    header = _header(study, confirmed, name=name, config_name=source.name, command=command)
    differences = _difference(source.files, tuned)
    # A change may have taken keys away, which no file that extends another can.
    for content in ({"extends": _from_configs(source.name)} | differences, tuned):
        own = {"folds": (content.get("folds") or {}) | folds, "seeds": seeds}
        rest = {key: value for key, value in content.items() if key not in OWN}
        text = "\n".join([*header, _yaml(rest) + WHY, _yaml(own)])
        if _reads_as(text, expected, path.parent):
            with atomic(path) as file:
                file.write(text.encode())
            return path
    raise KitError("the configuration that was found cannot be written as a file", where=str(path))


def _difference(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what laid on top of `base` gives `other`; lists are replaced whole."""
    changed = {}
    for key, value in other.items():
        before: Any = base.get(key)
        if key not in base or value != before:
            nested = isinstance(before, Mapping) and isinstance(value, Mapping)
            changed[key] = _difference(before, value) if nested else value
    return changed


def _from_configs(config_name: str) -> str:
    """Return the configuration's name, or its file as seen from configs/."""
    if not config_name.endswith((".yaml", ".yml")):
        return config_name
    return Path(os.path.relpath(Path(config_name).resolve(), Path("configs").resolve())).as_posix()


def _yaml(content: Mapping[str, Any]) -> str:
    return notation.written(content, WIDTH)


def _reads_as(text: str, expected: Config, folder: Path) -> bool:
    """Say whether a file with this text in `folder` reads as `expected`, apart from `tune`."""
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
    study: "Study", confirmed: Mapping[str, Any], *, name: str, config_name: str, command: str
) -> list[str]:
    trials = study.get_trials(deepcopy=False)
    number, confidence = confirmed["winner"], 100 * (1 - confirmed["level"] / confirmed["corrected_for"])
    won = next(one for one in confirmed["comparisons"] if one["trial"] == number)
    before = next(
        (f"{one.value:.5f}" for one in trials if "baseline" in one.user_attrs and one.values), "none"
    )
    replicates = ", ".join(f"{seed}/{fold}" for seed, fold in confirmed["replicates"])
    baseline = sum(confirmed["baseline_losses"]) / len(confirmed["replicates"])
    lines = [
        f"{MARK}: a lower log loss than {config_name} on folds and seeds that the search did not use.",
        f"Study {name}, {datetime.now(UTC):%Y-%m-%d}: {len(counted(trials))} trials, this is trial {number}.",
        f"Search: log loss {trials[number].value:.5f}, baseline {before}.",
        f"Confirmation: {baseline + won['mean']:.5f}, baseline {baseline:.5f}; "
        f"difference {won['mean']:+.5f}, {confidence:.2f} % interval {won['low']:+.5f} to "
        f"{won['high']:+.5f} (corrected for {confirmed['corrected_for']} candidates). Folds shuffled by "
        f"{confirmed['folds_seed']}; seed/fold of its "
        f"{len(confirmed['replicates'])} replicates: {replicates}.",
    ]
    # A command is copied: it stays on one line.
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
