"""Tables of a page."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: its content.
        heat: strength of its colour, from 0 to 1; None without colour.
        header: whether it names its row.
        color: of what the row is about in plots, a variable of the page; empty if it has none.
    """

    text: str
    heat: float | None = None
    header: bool = False
    color: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names the row.

    Attributes:
        caption: what it shows.
        head: headings of the columns.
        rows: cells, or plain text.
        strong: indices of rows to emphasise.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    strong: frozenset[int] = frozenset()

    def cells(self) -> list[list[Cell]]:
        """Return the rows as cells."""
        return [
            [one if isinstance(one, Cell) else Cell(one, header=index == 0) for index, one in enumerate(row)]
            for row in self.rows
        ]
