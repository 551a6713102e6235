"""Train several members of one network as one program (JAX): small networks leave a large GPU mostly idle."""

import time
from collections.abc import Callable, Sequence

from kit.members import MemberResult
from kit.training.engines.jax import JaxEngine, JaxProgram
from kit.training.epochs import Epoch, Trained, Training
from kit.training.failures import DivergedError

Outcome = MemberResult | DivergedError
OnOutcome = Callable[[int, Outcome, float], None]
"""Receives the number of a training, its outcome, and its share of the time in seconds."""


def run_together(trainings: Sequence[Training], places: int, on_outcome: OnOutcome) -> None:
    """Run trainings, an epoch of each at once. One that ends, or diverges, leaves its place.

    Args:
        trainings: of networks of one architecture, with the same settings and steps per epoch, on JAX.
        places: see `JaxProgram`.
        on_outcome: called with the result of each training, or that it diverged.
    """
    waiting: dict[int, Epoch] = {}
    spent = [0.0] * len(trainings)

    def advance(number: int, done: Trained | None) -> None:
        waiting.pop(number, None)
        started, outcome = time.perf_counter(), None
        try:
            # None starts a generator.
            waiting[number] = trainings[number].send(done)  # type: ignore[arg-type]
        except StopIteration as end:
            outcome = end.value
        except DivergedError as error:
            outcome = error
        spent[number] += time.perf_counter() - started
        if outcome is not None:
            on_outcome(number, outcome, spent[number])

    for number in range(len(trainings)):
        advance(number, None)
    program: JaxProgram | None = None
    while waiting:
        engines = [_engine(epoch) for epoch in waiting.values()]
        program = program or JaxProgram(engines, places)
        started = time.perf_counter()
        figures = program.epoch(engines, [epoch.order for epoch in waiting.values()])
        share = (time.perf_counter() - started) / len(waiting)
        for epoch in waiting.values():
            epoch.on_steps(len(epoch.order))
        for number, (loss, accuracy) in zip(tuple(waiting), figures, strict=True):
            spent[number] += share
            advance(number, Trained(loss, accuracy, share))


def _engine(epoch: Epoch) -> JaxEngine:
    if not isinstance(epoch.engine, JaxEngine):
        raise TypeError(f"{type(epoch.engine).__name__} does not train several networks as one program")
    return epoch.engine
