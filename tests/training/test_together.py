"""Trainings as one program, with a program that only counts."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.members import MemberResult
from kit.records import History
from kit.training.epochs import Epoch, Trained, Training
from kit.training.failures import DivergedError

pytest.importorskip("jax", reason="JAX is not installed")
pytestmark = pytest.mark.jax
ORDER = np.zeros((2, 3), np.int32)


class Program:
    """Notes which engines it trains; the loss of an engine is its name's length."""

    made: list["Program"]

    def __init__(self, engines: Sequence[str], places: int) -> None:
        self.engines, self.places, self.epochs = list(engines), places, list[list[str]]()
        self.made.append(self)

    def epoch(self, engines: Sequence[str], orders: Sequence[NDArray[np.int32]]) -> list[tuple[float, float]]:
        assert len(orders) == len(engines)
        self.epochs.append(list(engines))
        return [(float(len(engine)), 0.5) for engine in engines]


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Any:
    from kit.training import together

    Program.made = []
    monkeypatch.setattr(together, "JaxProgram", Program)
    monkeypatch.setattr(together, "_engine", lambda epoch: epoch.engine)
    return together


def training(name: Any, epochs: int, steps: list[int], *, diverges: bool = False) -> Training:
    def run() -> Generator[Epoch, Trained, MemberResult]:
        losses = []
        for _ in range(epochs):
            done = yield Epoch(name, ORDER, steps.append)
            losses.append(done.loss)
        if diverges:
            raise DivergedError(f"{name} diverged")
        empty = np.zeros((0, 2), np.float32)
        return MemberResult(np.zeros(0, np.int64), empty, empty, History(train_score=sum(losses)))

    return run()


def test_each_training_gets_its_own_figures_until_it_ends(together: Any) -> None:
    steps: list[int] = []
    outcomes: dict[int, Any] = {}
    trainings = [training("a", 1, steps), training("bb", 3, steps), training("ccc", 2, steps, diverges=True)]
    together.run_together(trainings, 8, lambda number, outcome, _: outcomes.update({number: outcome}))
    [program] = Program.made
    assert (program.engines, program.places) == (["a", "bb", "ccc"], 8)
    assert program.epochs == [["a", "bb", "ccc"], ["bb", "ccc"], ["bb"]]
    assert [outcomes[number].history.train_score for number in (0, 1)] == [1.0, 6.0]
    assert str(outcomes[2]) == "ccc diverged"
    assert steps == [2] * 6


def test_a_result_comes_as_soon_as_its_training_ends(together: Any) -> None:
    seen: list[tuple[int, int]] = []
    trainings = [training("a", 2, []), training("b", 1, [])]
    together.run_together(trainings, 2, lambda number, *_: seen.append((number, len(Program.made[0].epochs))))
    assert seen == [(1, 1), (0, 2)]


def test_a_training_without_epochs_left_needs_no_program(together: Any) -> None:
    outcomes: list[int] = []
    together.run_together([training("a", 0, [])], 2, lambda number, *_: outcomes.append(number))
    assert (outcomes, Program.made) == ([0], [])


def test_another_backend_is_refused() -> None:
    from kit.training.together import run_together

    with pytest.raises(TypeError, match="str does not train several networks as one program"):
        run_together([training("a", 1, [])], 2, lambda *_: None)
