"""Which jobs are trained as one program."""

from collections.abc import Collection, Iterable

from kit.training.job import Job

Bundle = tuple[Job, ...]
"""Jobs that one worker trains at once: one, or several that `bundled` put together."""


def named(jobs: Collection[Job]) -> str:
    """Return the name of one or more jobs in messages, as in "cnn-f0-s0 and 7 more"."""
    first, *others = (str(job.member) for job in jobs)
    return f"{first} and {len(others)} more" if others else first


def bundled(jobs: Iterable[Job]) -> list[Bundle]:
    """Put jobs together whose networks have the same settings and as many steps; keep their order.

    Args:
        jobs: to train. As many are put together as `Job.together` says.
    """
    bundles: list[list[Job]] = []
    open_ones: dict[tuple[str, tuple[int, int]], list[Job]] = {}
    for job in jobs:
        if job.together == 1:
            bundles.append([job])
            continue
        bundle = open_ones.setdefault((job.member.model, job.steps), [])
        if not bundle:
            bundles.append(bundle)
        bundle.append(job)
        if len(bundle) == job.together:
            del open_ones[job.member.model, job.steps]
    return [tuple(bundle) for bundle in bundles]
