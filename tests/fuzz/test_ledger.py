"""Any bytes in place of the ledger: each record is one line's, and every line that is whole is a record."""

import json
from dataclasses import asdict
from pathlib import Path

from hypothesis import strategies as st

from kit.submitting.ledger import Ledger, Record
from tests.fuzz.searching import JSON_TOKENS, accepted, damaged, damaged_json, examples, search

GOOD = Record(
    tag="a1b2c3",
    status="complete",
    competition="digit-recognizer",
    run="quick-1a2b3c4d",
    file="submissions/quick-a1b2c3.csv",
    sha256="0" * 64,
    message="quick",
    oof_score=0.99,
    oof_interval=(0.98, 0.995),
    expected_score=(0.98, 0.99),
    ref=7,
    public_score="0.98",
)
ODD_LINES = (
    *JSON_TOKENS,
    b"\n",
    b"\r\n",
    b"\n\n",
    b"again",
    b"\xe2\x80\xa8",
    b"\x85",
    b"\x0b",
    b"<<<<<<< HEAD\n",
)


@examples
def test_records_are_what_the_lines_say(examples: int, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "submissions")
    first = ledger.append(GOOD)
    second = ledger.append(Record(**{**asdict(GOOD), "tag": "d4e5f6", "status": "pending"}))
    whole = ledger.path.read_bytes()
    events = [json.loads(line) for line in whole.splitlines()]

    def check(raw: bytes) -> None:
        ledger.path.write_bytes(raw)
        records = accepted(ledger.records, str(ledger.path))
        assert ledger.path.read_bytes() == raw
        assert [*ledger.folder.iterdir()] == [ledger.path]
        if records is None:
            return
        assert len({one.tag for one in records}) == len(records)
        for one in records:
            # What commands show and compare.
            assert len((one.name, one.sent, one.score, one.score_position, one.result, one.age)) == 6
            json.dumps(asdict(one), allow_nan=False).encode()
        if raw == whole:
            assert records == [first, second]

    lines = st.lists(damaged_json(events), max_size=3).map(b"\n".join)
    search(check, damaged([whole], ODD_LINES) | lines, examples)
