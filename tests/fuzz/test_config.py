"""Any text as a configuration, and any change: a valid configuration, or an error that names its place."""

from pathlib import Path

from hypothesis import strategies as st

from kit.config import Config, load
from kit.config.files import shipped, validate
from kit.config.notation import written
from tests.fuzz.searching import accepted, damaged, examples, search

SMALL = [
    b"folds: {count: 3, seed: 1}\nseeds: [0, 4]\nmodels:\n  knn: {kind: knn, neighbours: 3}\n",
    b"extends: other.yaml\nmodels:\n  tiny:\n    stages:\n    - {filters: 4, pool: max}\n    l2: 1e-5\n",
    b"competition:\n  labels: [a, b]\n  image_shape: [8, 8]\nall_rows: true\nmodels: {k: {kind: knn}}\n",
    b"a: &a {count: 2}\nfolds: *a\ntraining: {learning_rate: 1e-3, epochs: 2}\nmodels: {m: {kind: cnn}}\n",
]
TOKENS = (
    *(
        b"\n",
        b"  ",
        b"\t",
        b":",
        b": ",
        b"- ",
        b"#",
        b"&a ",
        b"*a",
        b"<<: *a\n",
        b"!!python/object:os.system ",
        b"!!binary ",
    ),
    *(
        b"!!set ",
        b"!!int ",
        b"!!float 1_0",
        b"{",
        b"}",
        b"[",
        b"]",
        b"'",
        b'"',
        b"|",
        b">",
        b"---\n",
        b"...\n",
        b"%YAML 1.2\n",
    ),
    *(
        b"null",
        b"~",
        b"yes",
        b"true",
        b".inf",
        b".nan",
        b"1e400",
        b"0o17",
        b"010",
        b"1_000",
        b"1:30",
        b"2001-13-01",
        b"-1",
    ),
    *(
        b"9" * 400,
        b"9" * 5000,
        b"1e-3",
        b"extends: small.yaml\n",
        b"extends: [x]\n",
        b'extends: "a\\0b"\n',
        b"? [a, b]\n: c\n",
    ),
    *(
        b"\xff",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xe2\x80\xa8",
        b"\\ud800",
        b'"\\ud800"',
        b"again",
        b"[" * 2000,
    ),
    *(
        b"&a [*a]",
        b"x: &x [a,a,a,a,a,a,a,a,a]\ny: &y [*x,*x,*x,*x,*x,*x,*x,*x]\n",
        b"seeds: 1000\n",
        b"blend: {}\n",
    ),
)
KEYS = (
    *(
        "folds",
        "folds.count",
        "seeds",
        "seeds.0",
        "seeds.9",
        "models",
        "models.knn",
        "models.knn.neighbours",
        "models.x",
    ),
    *(
        "competition.labels",
        "competition.image_shape",
        "competition.label_pattern",
        "data.directory",
        "data",
        "tune.space",
    ),
    *(
        "ensemble.method",
        "training.epochs",
        "augmentation.rotation",
        "blend.method",
        "",
        ".",
        "a..b",
        "seeds.٣",
        "tune",
    ),
    *(
        "competition.submission.values",
        "folds.group",
        "image.size",
        "extends",
        "training",
        "competition",
        "\ud800",
        "x\ny",
    ),
)
VALUES = (
    *(
        "",
        "~",
        "1",
        "0",
        "-1",
        "2.0",
        "1e-3",
        "1e400",
        ".nan",
        "9" * 400,
        "9" * 5000,
        "true",
        "[",
        "]",
        "{",
        "[1, 2]",
        "[]",
    ),
    *(
        "{}",
        "{a: 1}",
        "{? [a]: 1}",
        "&a [*a]",
        "*a",
        "!!set {a}",
        "!!binary eA==",
        "2001-13-01",
        "2001-01-01",
        "(",
        "(a)",
    ),
    *(
        "\t",
        "\0",
        "\ud800",
        '"\\ud800"',
        '"\\0"',
        "~nobody",
        "'",
        "x: y",
        "x\ny",
        "[" * 2000,
        "null",
        "a",
        "0x1f",
        "1_000",
    ),
)


def survives(config: Config, path: Path) -> None:
    """Check that a configuration is the same when it is written and read again."""
    content = config.model_dump(mode="json", exclude_unset=True)
    path.write_text(written(content, width=110), encoding="utf-8")
    assert load(str(path)).model_dump(mode="json") == config.model_dump(mode="json")


@examples
def test_a_file_is_read_or_refused(examples: int, workdir: Path) -> None:
    path, again = workdir / "small.yaml", workdir / "again" / "again.yaml"
    again.parent.mkdir()
    (workdir / "other.yaml").write_bytes(SMALL[0])
    (workdir / "cycle.yaml").write_text("extends: small.yaml\n")
    valid = [
        *SMALL,
        *(one.read_bytes() for one in sorted(shipped().glob("*.yaml")) if one.stat().st_size < 700),
    ]

    def check(raw: bytes) -> None:
        path.write_bytes(raw)
        config = accepted(lambda: load(str(path)), str(path), "other.yaml", str(shipped()))
        assert path.read_bytes() == raw
        if config is not None:
            survives(config, again)

    search(check, damaged(valid, TOKENS), examples // 2)


def _change(parts: tuple[str, str, str]) -> str:
    return "".join(parts)


@examples
def test_a_change_is_applied_or_refused(examples: int, workdir: Path) -> None:
    path = workdir / "small.yaml"
    path.write_bytes(SMALL[0])
    change = st.tuples(
        st.sampled_from(KEYS) | st.text(max_size=4),
        st.sampled_from(["=", "=", "=", " = ", ":", ""]),
        st.sampled_from(VALUES) | st.text(max_size=4) | st.integers(-3, 300).map(str),
    ).map(_change)

    def check(changes: list[str]) -> None:
        config = accepted(lambda: load(str(path), changes), "--set", str(path))
        if config is not None:
            assert validate(config.model_dump(mode="json")).digest() == config.digest()

    search(check, st.lists(change, min_size=1, max_size=2), examples // 2)
