"""`kit submit`, killed at random moments while it sends to a server on this machine."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.kaggle_server import KaggleServer
from tests.kills.harness import Moment, Place, seeds
from tests.workplace import events, write_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EVENTS = ("uploading", "sending", "pending", "complete")
STEPS = ("", "limits", "copy", "start", "put", "create", *EVENTS)
"""Requests to Kaggle, the copy in submissions/, and events; a process is killed shortly after one."""


@pytest.fixture
def place(kaggle: KaggleServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a working directory with a finished run, which the server accepts."""
    temporary = tmp_path_factory.mktemp("submit") / "temporary"
    temporary.mkdir()
    write_run(folder=tmp_path)
    return Place(tmp_path, temporary, kaggle.environment())


def known_events(place: Place) -> list[dict[str, Any]]:
    return events(place.folder) if (place.folder / "submissions" / "ledger.jsonl").exists() else []


def moment(step: str, chance: random.Random, kaggle: KaggleServer, folder: Path) -> Moment:
    """Return a random moment shortly after a step, or in the first second."""
    if not step:
        return Moment(chance.uniform(0, 1.0))

    def reached() -> bool:
        if step in EVENTS:
            ledger = folder / "submissions" / "ledger.jsonl"
            return ledger.is_file() and f'"status": "{step}"' in ledger.read_text()
        if step == "copy":
            return len(list(folder.glob("submissions/*"))) + len(list(folder.glob("submissions/.*"))) > 1
        return kaggle.count(step) > 0

    return Moment(chance.choice((0.0, chance.uniform(0, 0.03))), reached, step)


@pytest.mark.parametrize("seed", seeds(20))
def test_nothing_is_sent_twice_and_the_ledger_is_complete_after_the_next_command(
    seed: int, kaggle: KaggleServer, place: Place
) -> None:
    at = moment(STEPS[seed % len(STEPS)], random.Random(seed), kaggle, place.folder)
    place.kill("submit", at=at)
    again = seed < len(STEPS)
    scored = any(event["status"] == "complete" for event in known_events(place))
    place.run("submit" if again and not scored else "submissions")
    known = known_events(place)
    last = {event["tag"]: event for event in known}
    sent = [event for event in last.values() if event["status"] != "failed"]
    assert len(kaggle.submissions) <= 1, at
    assert len(kaggle.submissions) == 1 or not again, at
    assert [event["ref"] for event in sent] == [one["ref"] for one in kaggle.submissions], at
    assert {event["status"] for event in sent} <= {"complete"}, at
    if known:  # Otherwise the next `kit submit` removes them.
        assert not [name for name in place.files() if name.startswith("submissions/.")], at
    assert place.strays() == []
