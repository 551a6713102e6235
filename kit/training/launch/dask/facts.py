"""What decides the numbers that a machine computes, and how another machine differs in it."""

import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from kit.training import machine


@dataclass(frozen=True)
class Facts:
    """What a member's numbers depend on, besides its job and its data.

    Attributes:
        host: name of the machine, for messages.
        versions: of Python, kit and the packages that affect results.
        features: instruction sets of the CPU that matter for training.
        cpu: name of the CPU, for messages.
        gpu: name of the GPU that the backend uses; None: it uses the CPU.
        gpus: number of GPUs that the backend can use.
    """

    host: str
    versions: Mapping[str, str]
    features: tuple[str, ...]
    cpu: str = ""
    gpu: str | None = None
    gpus: int = 0

    @classmethod
    def here(cls, backend: str | None) -> Self:
        """Return the facts of this machine.

        Args:
            backend: Keras's; None where no network is trained.
        """
        described, found = machine.describe(), machine.usable_gpus(backend) if backend else ()
        return cls(
            host=socket.gethostname(),
            versions=machine.versions(),
            features=described.features,
            cpu=described.cpu,
            gpu=found[0].name if found else None,
            gpus=len(found),
        )

    def plain(self) -> dict[str, Any]:
        """Return the facts as JSON-able values: another version of kit may read them."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """Return the facts that `plain` made, perhaps in another version of kit."""
        return cls(
            host=str(plain.get("host", "")),
            versions={str(name): str(version) for name, version in plain.get("versions", {}).items()},
            features=tuple(plain.get("features", ())),
            cpu=str(plain.get("cpu", "")),
            gpu=plain.get("gpu"),
            gpus=int(plain.get("gpus", 0)),
        )


def differences(own: Facts, other: Facts, backend: str | None) -> list[str]:
    """Return in what `other` differs from `own`, as far as it may change a result; empty: in nothing.

    Args:
        own: the driver's.
        other: a worker's.
        backend: Keras's; None where no network is trained. Other backends do not matter.
    """
    unused = [name for name in machine.BACKENDS if name != backend]
    if backend is None:
        unused.append("keras")
    names = [name for name in {**own.versions, **other.versions} if name not in unused]
    found = [
        f"{name} {theirs} instead of {ours}"
        for name in names
        if (theirs := _version(other, name)) != (ours := _version(own, name))
    ]
    missing = [one for one in own.features if one not in other.features]
    more = [one for one in other.features if one not in own.features]
    found += [f"its CPU lacks {', '.join(missing)}"] if missing else []
    found += [f"its CPU also has {', '.join(more)}"] if more else []
    if own.gpu != other.gpu:
        found.append(f"it trains on {other.gpu or 'its CPU'} instead of {own.gpu or 'a CPU'}")
    return found


def _version(facts: Facts, name: str) -> str:
    version = facts.versions.get(name, "none")
    # Python's arithmetic does not change within 3.x.
    return ".".join(version.split(".")[:2]) if name == "python" else version
