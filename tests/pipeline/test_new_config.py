from kit.config import notation
from kit.data.inspection import Setting
from kit.pipeline.new_config import WIDTH, line_of, text_of

ODD = [
    "a: b",
    "# no comment",
    "it's",
    'say "x"',
    "größe",
    "yes",
    "010",
    "1.5",
    "{x}",
    "- y",
    "a\nb",
    "~",
    "50 %",
]


def test_odd_values_are_read_as_they_were() -> None:
    text = text_of("images", "x", "data/odd", [Setting("competition.ignored_columns", tuple(ODD))])
    assert notation.read(text)[0]["competition"]["ignored_columns"] == ODD
    for value in ODD:
        text = text_of("images", "x", value, [Setting("competition.label_column", value)])
        raw = notation.read(text)[0]
        assert (raw["competition"]["label_column"], raw["data"]["directory"]) == (value, value)


def test_sections_and_keys_below_them() -> None:
    settings = [
        Setting("competition.metric", "auc", "a guess"),
        Setting("competition.submission.format", "probability"),
        Setting("competition.submission.positive", "1", "not 0"),
        Setting("image.size", (48, 64)),
        Setting("folds.group.table", "a.csv", "one fold"),
    ]
    assert text_of("photos", "x from y.", "data/x", settings).splitlines()[3:9] == [
        "competition:",
        "  metric: auc  # a guess",
        "  submission: {format: probability, positive: '1'}  # not 0",
        "image:",
        "  size: [48, 64]",
        "folds:",
    ]


def test_long_comments_are_above_their_line() -> None:
    text = text_of("images", "x", "data", [Setting("competition.metric", "auc", "word " * 40)])
    assert all(len(line) <= WIDTH for line in text.splitlines())
    assert text.splitlines()[line_of(text, "competition.metric") - 1] == "  metric: auc"


def test_a_comment_has_no_line_ends() -> None:
    text = text_of("images", "x\ny: 1", "data", [Setting("competition.metric", "auc", "a\nform: table\x85b")])
    assert notation.read(text)[0]["competition"] == {"metric": "auc"}
