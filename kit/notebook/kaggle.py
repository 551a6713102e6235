"""Functions of `import kit` that may talk to Kaggle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.config import load
from kit.masking import learn_later
from kit.notebook.arguments import python_words, text
from kit.notebook.messages import show
from kit.notebook.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from kit.submitting.ledger import Record


@python_words
def submit(
    run: str | Path | Run | None = None,
    *,
    config: str | Path = "default",
    message: str | None = None,
    again: bool = False,
    dry_run: bool = False,
    timeout: float = 30.0,
    wait: float = 600.0,
) -> Record:
    """Check a submission, send it to Kaggle and wait for its score, as `kit submit` does.

    Args:
        run: a run, its name or path, or a CSV file; None: the newest finished run on competition data.
        config: describes the competition of a CSV file that belongs to no run.
        message: description on Kaggle; None: run, OOF score and hash.
        again: send even if the same content was submitted before.
        dry_run: print what would be sent, without network.
        timeout: seconds per request.
        wait: seconds to wait for the score at most; 0: do not wait.

    Returns:
        The entry of the ledger, with the score in `public_score`; of a dry run, what would be recorded.

    Raises:
        UserError: the submission is wrong, was sent before, or there are no credentials or no quota.
        KitError: Kaggle cannot be reached, or has not scored it in time.
    """
    from kit.submitting import send
    from kit.submitting.ledger import Ledger
    from kit.submitting.plan import describe, make_plan

    learn_later(_secrets)
    ledger = Ledger()
    target = str(run.path) if isinstance(run, Run) else None if run is None else text("run", run)
    plan = make_plan(target, load(text("config", config)), message, ledger)
    for line in describe(plan, ledger):
        show(line)
    if dry_run:
        if not again:
            send.refuse_repeated(plan, ledger)
        show("dry run: nothing was sent")
        return plan.record
    record = send.submit(plan, ledger, again=again, timeout=timeout, say=show)
    if wait:
        record = send.wait_for_score(record, ledger, timeout=timeout, wait=wait, show=lambda _: None)
        show(record.result)
    return record


@python_words
def fetch(source: str | Path = "auto", *, config: str | Path = "default", force: bool = False) -> None:
    """Fetch train.csv and test.csv into the data directory, checked, as `kit data fetch` does.

    Args:
        source: a folder or a zip, "kaggle", "sample", or "auto": Kaggle if there are credentials.
        config: describes the competition.
        force: replace files that differ.

    Raises:
        UserError: a file is missing or wrong; the data directory is then as it was.
        KitError: Kaggle cannot be reached.
    """
    from kit.data import obtain

    learn_later(_secrets)
    show(obtain.fetch(load(text("config", config)), text("source", source), force=force))


def _secrets() -> set[str]:
    from kit.kaggle_client.credentials import secrets

    return secrets()
