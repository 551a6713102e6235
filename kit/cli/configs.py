"""`kit configs`: list the configurations, or the keys of one."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kit.cli import options
from kit.errors import UserError
from kit.typed import typed

if TYPE_CHECKING:
    from kit.config.values import Shown

WIDTH = 80


class _Listed(NamedTuple):
    """One configuration in the list; counts are None, and `error` is set, if it is not valid."""

    name: str
    file: str
    replaces_shipped: bool
    models: int | None = None
    folds: int | None = None
    seeds: int | None = None
    members: int | None = None
    description: str = ""
    error: str = ""


@click.command(
    epilog="\b\nExample:\n  kit configs\n  kit configs quick\n  kit configs quick training\n"
    "  kit configs default models.cnn.dropout"
)
@click.argument("name", type=options.ConfigName(), required=False, metavar="[NAME]")
@click.argument("key", required=False, metavar="[KEY]")
@options.as_json
def command(name: str | None, key: str | None, as_json: bool) -> None:
    """List the configurations, or the keys of configuration NAME: value, type, default, meaning.

    KEY shows one key or section only.
    """
    if name is None:
        listed = list(_listed())
        click.echo(_json(listed) if as_json else "\n".join(map(_line, listed)) + "\n")
        if not as_json:
            click.echo(f"{typed('kit configs NAME')} shows the keys of one.")
        return
    from kit.config.values import keys_of

    shown = keys_of(name, key)
    click.echo(_json(shown) if as_json else "\n".join(map(_paragraph, shown)))


def _listed() -> Iterator[_Listed]:
    """Yield the configurations in ./configs, then the shipped ones, each name once."""
    from kit.config import load, shipped
    from kit.config.files import find, known_names

    own = {path.stem for path in Path("configs").glob("*.yaml")}
    of_kit = {path.stem for path in shipped().glob("*.yaml")}
    is_source_tree = Path("configs").resolve() == shipped().resolve()
    for name in known_names():
        file = find(name)
        replaces = name in own & of_kit and not is_source_tree
        place = str(file) if name in own else "shipped with kit"
        try:
            config = load(name)
        except UserError as error:
            yield _Listed(name, place, replaces, error=str(error))
            continue
        counts = len(config.models), config.folds.count, len(config.seeds)
        per_seed = counts[0] * (counts[1] + config.all_rows)
        yield _Listed(name, place, replaces, *counts, per_seed * counts[2], _description(file))


def _description(file: Path) -> str:
    """Return the first sentence of the comment at the top of a file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    number = next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))
    comment = " ".join(line.lstrip("# ") for line in lines[:number])
    sentence, stop, _ = comment.partition(". ")
    return sentence + (stop.strip() or "")


def _line(one: _Listed) -> str:
    if one.error:
        return f"{one.name}\n{textwrap.indent(one.error, '  ')}"
    parts = [(one.models, "model"), (one.folds, "fold"), (one.seeds, "seed")]
    made_of = " x ".join(f"{number} {noun}{'s' * (number != 1)}" for number, noun in parts if number)
    place = one.file + (", replaces the shipped one" if one.replaces_shipped else "")
    members = f"{made_of} = {one.members} members"
    return f"{one.name}: {members} ({place})\n{_wrapped(one.description)}".rstrip()


def _paragraph(one: "Shown") -> str:
    head = f"{one.key} = {one.value}"
    source = one.source or "default"
    first = f"{head}  ({source})" if len(head) + len(source) < WIDTH - 4 else f"{head}\n    ({source})"
    of_type = one.type if one.source in {"", "default"} else f"{one.type}; default {one.default}"
    if len(head) > WIDTH:
        first = textwrap.fill(f"{head}  ({source})", WIDTH, subsequent_indent="        ")
    return f"{first}\n{_wrapped(f'{of_type}. {one.meaning}')}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="    ")


def _json(records: Sequence[NamedTuple]) -> str:
    return json.dumps([one._asdict() for one in records], indent=2, ensure_ascii=False)
