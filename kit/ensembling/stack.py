"""Stacking: multinomial logistic regression on the log-probabilities of the columns.

The logit of a class is the sum over columns of weight times log-probability of that class, plus an
intercept: one weight per column, shared by all classes. L2 draws the weights to those of the geometric mean.
Its strength is chosen by nested cross-validation: for the rows of one fold, on the other folds alone.

Fits are by Newton's method. Refitting for each left-out fold and strength would take minutes, so in the
choice of the strength, what leaving out a fold changes is one Newton step from the fit on all rows (A.
Beirami, M. Razaviyayn, S. Shahrampour and V. Tarokh, 2017, On optimal generalizability in parametric
learning, NeurIPS). The fits that are used and scored are exact.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.problem import Problem, Rows
from kit.ensembling.rules import log_probabilities, softmax

STRENGTHS = (10_000.0, 1_000.0, 100.0, 10.0, 1.0)
"""L2 that are tried: strength / 2 times the squared distance to the geometric mean, added to the summed log
loss."""
TOLERANCE = 1e-9
"""Mean log loss (in nats) that another Newton step could gain at most, about."""
STEPS = 50
"""Most steps."""
PARTS = 4
"""With fewer folds, each is split into so many parts for the choice of the strength."""
CHUNK = 2048
"""Rows whose Hessian is computed at once: they fit into the processor's cache."""
Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over rows at some parameters: log loss, gradient, Hessian."""

    loss: float
    gradient: Vector
    hessian: NDArray[np.float64]

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(self.loss + other.loss, self.gradient + other.gradient, self.hessian + other.hessian)

    def __sub__(self, other: "_Sums") -> "_Sums":
        return _Sums(self.loss - other.loss, self.gradient - other.gradient, self.hessian - other.hessian)


class Block:
    """Rows of one part of the folds.

    Args:
        logs: (rows, classes, columns) float32.
        labels: (rows,) from 0.
    """

    def __init__(self, logs: NDArray[np.float32], labels: NDArray[np.integer]) -> None:
        self.logs, self.labels = logs, labels

    def losses(self, parameters: NDArray[np.float64]) -> Vector:
        """Return the summed log loss for each row of (fits, columns + classes) parameters."""
        count = self.logs.shape[2]
        logits = np.asarray(self.logs @ parameters[:, :count].T.astype(np.float32), np.float64)
        logits += parameters[:, count:].T
        logits -= logits.max(axis=1, keepdims=True)
        of_label = np.take_along_axis(logits, self.labels[:, None, None].astype(np.intp), axis=1)[:, 0]
        return np.asarray((np.log(np.exp(logits).sum(axis=1)) - of_label).sum(axis=0))

    def sums(self, parameters: Vector) -> _Sums:
        """Return loss, gradient and Hessian at (columns + classes,) parameters."""
        starts = range(0, len(self.labels), CHUNK)
        return _total(self._sums(slice(at, at + CHUNK), parameters) for at in starts)

    def _sums(self, rows: slice, parameters: Vector) -> _Sums:
        logs, labels = self.logs[rows], self.labels[rows]
        count, at = logs.shape[2], np.arange(len(labels))
        probs = softmax(logs @ parameters[:count].astype(np.float32) + parameters[count:])
        loss = -float(np.log(np.maximum(probs[at, labels], np.finfo(float).tiny)).sum())
        excess = probs.copy()
        excess[at, labels] -= 1
        flat = logs.reshape(-1, count)
        small = probs.astype(np.float32)
        means = np.einsum("rc,rck->rk", small, logs).astype(np.float64)
        weighted = logs * small[:, :, None]
        among = (flat.T @ weighted.reshape(-1, count)).astype(np.float64) - means.T @ means
        across = weighted.sum(axis=0, dtype=np.float64).T - means.T @ probs
        classes = np.diag(probs.sum(axis=0)) - probs.T @ probs
        return _Sums(
            loss,
            np.concatenate([flat.T.astype(np.float64) @ excess.ravel(), excess.sum(axis=0)]),
            np.block([[among, across], [across.T, classes]]),
        )


@dataclass(frozen=True, eq=False)
class StackFit:
    """Fitted parameters.

    Attributes:
        parameters: (columns + classes,) weights and intercepts.
        strength: of its L2.
        hessian: (parameters, parameters), of the penalised loss.
    """

    parameters: Vector
    strength: float
    hessian: NDArray[np.float64]

    def without_each(self, count: int) -> NDArray[np.float64]:
        """Return (columns, columns + classes): the parameters without each of `count` columns.

        Its weight is 0, and the others are optimal then, by the quadratic form at the fit (B. Hassibi and D.
        G. Stork, 1992, Second order derivatives for network pruning: optimal brain surgeon, NeurIPS).
        """
        inverse = np.linalg.inv(self.hessian)
        steps = self.parameters[:count] / inverse.diagonal()[:count]
        left = self.parameters - steps[:, None] * inverse[:count]
        left[np.arange(count), np.arange(count)] = 0
        return np.asarray(left)


class Stack:
    """The fits of a problem: on all rows, and without each fold.

    Args:
        problem: the columns and the folds.
    """

    def __init__(self, problem: Problem) -> None:
        count = len(problem.columns)
        self._start = np.concatenate([np.full(count, 1 / count), np.zeros(problem.classes)])
        folds = [rows for _, rows in problem.splits()]
        parts = 1 if len(folds) >= PARTS else PARTS
        pieces = [(fold, rows[part::parts]) for fold, rows in enumerate(folds) for part in range(parts)]
        pieces = [(fold, rows) for fold, rows in pieces if len(rows)]
        self._fold = [fold for fold, _ in pieces]
        self._blocks = [_block(problem, rows) for _, rows in pieces]

    def fits(self) -> tuple[StackFit, list[StackFit]]:
        """Return the fit on all rows, and for each fold the fit without its rows."""
        folds = range(max(self._fold) + 1)
        path: list[StackFit] = []
        losses = np.empty((len(STRENGTHS), 1 + len(folds)))
        parameters = self._start
        for at, strength in enumerate(STRENGTHS):
            fit, sums = self._newton(self._blocks, strength, parameters)
            losses[at] = self._left_out(fit, sums, folds)
            path.append(fit)
            parameters = fit.parameters
        full, *others = (path[at] for at in losses.argmin(axis=0))
        return full, [self._without(fold, start) for fold, start in zip(folds, others, strict=True)]

    def _without(self, fold: int, start: StackFit) -> StackFit:
        """Return the fit without a fold, of the same strength as `start`."""
        blocks = [block for block, own in zip(self._blocks, self._fold, strict=True) if own != fold]
        return self._newton(blocks, start.strength, start.parameters)[0]

    def _left_out(self, fit: StackFit, sums: Sequence[_Sums], folds: Sequence[int]) -> Vector:
        """Return the summed loss of left-out blocks: of all blocks, and of those outside each fold."""
        total = _total(sums)
        of_folds = [
            _total(one for one, own in zip(sums, self._fold, strict=True) if own == fold) for fold in folds
        ]
        result = np.zeros(1 + len(folds))
        for block, fold, own in zip(self._blocks, self._fold, sums, strict=True):
            rest, others = total - own, [one for one in folds if one != fold]
            stepped = [self._step(one, fit) for one in (rest, *(rest - of_folds[other] for other in others))]
            losses = block.losses(np.stack(stepped))
            result[0] += losses[0]
            result[[1 + other for other in others]] += losses[1:]
        return result

    def _newton(
        self, blocks: Sequence[Block], strength: float, parameters: Vector
    ) -> tuple[StackFit, list[_Sums]]:
        """Return the fit on some blocks, and the sums over each of them at its parameters."""
        rows = sum(len(block.labels) for block in blocks)
        each = _sums_of(blocks, parameters)
        for _ in range(STEPS):
            total = _total(each)
            hessian, slope = self._penalised(total, strength, parameters)
            step = np.linalg.solve(hessian, slope)
            if slope @ step / 2 <= TOLERANCE * rows:
                break
            before = self._objective(total.loss, strength, parameters)
            size = 1.0
            while size > 1e-6:
                moved = parameters - size * step
                found = _sums_of(blocks, moved)
                if self._objective(_total(found).loss, strength, moved) <= before:
                    break
                size /= 2
            else:
                break
            parameters, each = moved, found
        return StackFit(parameters, strength, self._penalised(_total(each), strength, parameters)[0]), each

    def _objective(self, loss: float, strength: float, parameters: Vector) -> float:
        return loss + strength / 2 * float(((parameters - self._start) ** 2).sum())

    def _penalised(
        self, sums: _Sums, strength: float, parameters: Vector
    ) -> tuple[NDArray[np.float64], Vector]:
        """Return Hessian and gradient of the penalised loss."""
        hessian = sums.hessian + strength * np.eye(len(parameters))
        return hessian, sums.gradient + strength * (parameters - self._start)

    def _step(self, sums: _Sums, fit: StackFit) -> Vector:
        """Return the parameters of a fit after one Newton step on other rows."""
        hessian, slope = self._penalised(sums, fit.strength, fit.parameters)
        return np.asarray(fit.parameters - np.linalg.solve(hessian, slope))


def _block(problem: Problem, rows: Rows) -> Block:
    logs = np.empty((len(rows), problem.classes, len(problem.columns)), np.float32)
    for at, column in enumerate(problem.columns):
        logs[:, :, at] = log_probabilities(column.oof[rows])
    return Block(logs, problem.labels[rows])


def _sums_of(blocks: Sequence[Block], parameters: Vector) -> list[_Sums]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda block: block.sums(parameters), blocks))


def _total(sums: Iterable[_Sums]) -> _Sums:
    return reduce(_Sums.__add__, sums)
