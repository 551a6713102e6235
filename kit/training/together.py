"""Train several members of one network as one program (JAX): small networks leave a large GPU mostly idle."""

import time
from collections.abc import Sequence

from kit.members import MemberResult
from kit.training.engines.jax import JaxEngine, JaxProgram
from kit.training.epochs import Epoch, Trained, Training
from kit.training.failures import DivergedError

Outcome = MemberResult | DivergedError


def run_together(trainings: Sequence[Training], places: int) -> list[Outcome]:
    """Run trainings, an epoch of each at once; return the result of each, or that it diverged.

    A training that ends, or diverges, leaves its place; the others continue.

    Args:
        trainings: of networks of one architecture, with the same settings and steps per epoch, on JAX.
        places: see `JaxProgram`.
    """
    outcomes: dict[int, Outcome] = {}
    waiting: dict[int, Epoch] = {}

    def advance(number: int, done: Trained | None) -> None:
        waiting.pop(number, None)
        try:
            # None starts a generator.
            waiting[number] = trainings[number].send(done)  # type: ignore[arg-type]
        except StopIteration as end:
            outcomes[number] = end.value
        except DivergedError as error:
            outcomes[number] = error

    for number in range(len(trainings)):
        advance(number, None)
    program: JaxProgram | None = None
    while waiting:
        engines = [_engine(epoch) for epoch in waiting.values()]
        program = program or JaxProgram(engines, places)
        started = time.perf_counter()
        figures = program.epoch(engines, [epoch.order for epoch in waiting.values()])
        seconds = time.perf_counter() - started
        for epoch in waiting.values():
            epoch.on_steps(len(epoch.order))
        for number, (loss, accuracy) in zip(tuple(waiting), figures, strict=True):
            advance(number, Trained(loss, accuracy, seconds))
    return [outcomes[number] for number in range(len(trainings))]


def _engine(epoch: Epoch) -> JaxEngine:
    if not isinstance(epoch.engine, JaxEngine):
        raise TypeError(f"{type(epoch.engine).__name__} does not train several networks as one program")
    return epoch.engine
