"""A configuration held in memory: read once, then changed and validated as often as needed."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

from kit.config.errors import Layer
from kit.config.files import apply_change, resolve, validate
from kit.config.root import Config


@dataclass(frozen=True)
class Source:
    """The files of a configuration and the changes on top, as they were when they were read.

    Attributes:
        name: as `kit.config.load` takes it.
        changes: applied on top ("a.b=c").
        layers: the files, each before the one that it extends.
        files: their merged content, before the changes, not validated.
        config: the validated configuration.
    """

    name: str
    changes: tuple[str, ...]
    layers: tuple[Layer, ...]
    files: Mapping[str, Any]
    config: Config

    @classmethod
    def read(cls, name: str = "default", changes: Iterable[str] = ()) -> Self:
        """Read configuration `name`, apply `changes`, and validate.

        Raises:
            UserError: see `kit.config.load`.
        """
        changes = tuple(changes)
        files, layers = resolve(name)
        raw = _changed(files, changes)
        return cls(name, changes, tuple(layers), files, validate(raw, layers, changes))

    def raw(self, texts: Iterable[str] = ()) -> dict[str, Any]:
        """Return the content of the files with all changes and `texts` ("a.b=c") applied, not validated.

        Raises:
            UserError: a change does not fit.
        """
        return _changed(self.files, [*self.changes, *texts])

    def with_changes(self, texts: Iterable[str]) -> Config:
        """Return the configuration with `texts` ("a.b=c") applied after its own changes.

        Raises:
            UserError: a change does not fit, or the result is not valid; the message names file and line, or
                the change.
        """
        texts = list(texts)
        return validate(self.raw(texts), self.layers, [*self.changes, *texts])


def _changed(files: Mapping[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    raw = deepcopy(dict(files))
    for change in changes:
        apply_change(raw, change)
    return raw
