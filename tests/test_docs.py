"""The documents describe what there is, and nothing else."""

import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from kit import config
from kit.cli import COMMANDS, kit
from kit.tuning.space import make_space
from tools import document_configuration

ROOT = Path(__file__).parent.parent
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in [
    ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))
]}  # fmt: skip
README = PAGES["README.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
# Its examples repeat what shipped configurations have by now, or were made before a key existed.
HISTORY = "docs/experiments.md"
EXAMPLES = [
    pytest.param(page, changes, id=f"{page}: {' '.join(changes)}")
    for page, text in PAGES.items()
    for line in text.replace("\\\n", " ").splitlines()
    if (changes := re.findall(r"--set ([a-z0-9_.]+=[a-z0-9_.\[\]]*[a-z0-9\]])", line))
]


def sections(page: str, level: str = "##") -> dict[str, str]:
    """Return the text below each heading of `level`, by heading."""
    parts = re.split(rf"^{level} (.*)\n", PAGES[page], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands() -> Iterator[tuple[str, str, click.Command]]:
    """Yield each command: its heading in docs/commands.md, its name with that of its group, and itself."""
    for name in COMMANDS:
        command = import_module(f"kit.cli.{name}").command
        yield name, name, command
        for below, one in getattr(command, "commands", {}).items():
            yield name, f"{name} {below}", one


OPTIONS = [
    pytest.param(heading, name, option, id=f"kit {name} {option}")
    for heading, name, command in commands()
    for parameter in command.params
    if isinstance(parameter, click.Option) and parameter.opts != ["--debug"]
    for option in [*parameter.opts, *parameter.secondary_opts]
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_marks_of_a_merge(page: str) -> None:
    assert not re.findall(r"^(?:<<<<<<<|=======|>>>>>>>).*", PAGES[page], re.MULTILINE)


def test_the_tests_that_reliability_names_exist() -> None:
    named = set(re.findall(r"`(tests/[a-z_/]+\.py)`", PAGES["docs/reliability.md"]))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code_block(text: str, first_line: str) -> str:
    """Return the indented lines that follow `first_line`."""
    block = text.split(first_line)[1].split("\n\n", maxsplit=1)[0]
    return "\n".join(re.findall(r"^    (.*)", block, re.MULTILINE))


def test_the_readme_has_at_most_900_words() -> None:
    assert len(README.split()) <= 900


def test_the_readme_links_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[a-z]+\.md)", README))
    assert linked == PAGES.keys() - {"README.md"}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_a_file_and_a_heading(page: str) -> None:
    folder = (ROOT / page).parent
    for link in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (folder / file).resolve() if file else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_the_configuration_page_is_current() -> None:
    assert PAGES["docs/configuration.md"] == document_configuration.page(), (
        "run: python tools/document_configuration.py"
    )


def test_every_key_has_a_description() -> None:
    page = PAGES["docs/configuration.md"]
    assert re.findall(r"^\| `(\w+)` \|.*\|\s*\|$", page.split("# Reference")[1], re.MULTILINE) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in config.shipped().glob("*.yaml")))
def test_every_shipped_configuration_is_listed(name: str) -> None:
    assert f"| `{name}` |" in PAGES["docs/configuration.md"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_section(name: str) -> None:
    assert f"kit {name}" in sections("docs/commands.md")


@pytest.mark.parametrize(("heading", "name", "option"), OPTIONS)
def test_every_option_is_in_a_table_of_its_command(heading: str, name: str, option: str) -> None:
    text = sections("docs/commands.md")[f"kit {heading}"]
    tables = [table for table in re.split(r"\n\n", text) if table.startswith("| option")]
    own = [table for table in tables if f"of `kit {name}`" in table] or tables
    assert re.search(rf"^\| (`-\w`, )?`{option}\b|^\| `{option}`, ", "\n".join(own), re.MULTILINE)


def test_every_option_in_the_tables_exists() -> None:
    real = {(heading, option) for heading, _, option in (one.values for one in OPTIONS)}
    documented = {
        (heading.removeprefix("kit "), option)
        for heading, text in sections("docs/commands.md").items()
        if heading.startswith("kit ")
        for cell in re.findall(r"^\| (`-[^|]*) \|", text, re.MULTILINE)
        for option in re.findall(r"`(--?[a-z-]+)", cell)
    }
    assert documented <= real


def test_options_of_kit_itself_are_documented() -> None:
    options = [option for parameter in kit.params for option in parameter.opts]
    assert [one for one in [*options, "--help"] if f"`{one}`" not in PAGES["docs/commands.md"]] == [
        "--version"
    ]
    assert "`kit --version`" in PAGES["docs/commands.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"(?:`|^    |bin/)kit ([a-z]+)", PAGES[page], re.MULTILINE))
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", PAGES[page], re.MULTILINE)) <= TARGETS


def test_every_make_target_is_documented() -> None:
    table = sections("docs/commands.md")["Make targets"]
    assert set(re.findall(r"^\| `make ([a-z-]+)", table, re.MULTILINE)) == TARGETS


def test_the_readme_begins_with_two_commands() -> None:
    assert re.findall(r"^    make ([a-z]+)", README, re.MULTILINE)[:2] == ["cv", "test"]


def test_every_command_has_its_target() -> None:
    assert set(COMMANDS) <= TARGETS


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md"])
def test_the_example_of_a_configuration_is_valid(page: str, workdir: Path) -> None:
    (workdir / "mine.yaml").write_text(code_block(PAGES[page], "# One network, for longer."))
    assert config.load("mine.yaml").training.epochs == 20


def test_the_example_of_a_space_is_valid(workdir: Path) -> None:
    block = code_block(PAGES["docs/tuning.md"], "# configs/mine-to-tune.yaml")
    (workdir / "mine.yaml").write_text(block)
    space = make_space(config.Source.read("mine.yaml"))
    assert [one.key for one in space.parameters if one.when] == ["training.momentum"]


@pytest.mark.parametrize(("page", "changes"), EXAMPLES)
def test_every_example_of_changes_is_valid(page: str, changes: list[str]) -> None:
    changed = config.load("default", changes)
    assert changed != config.load("default") or page == HISTORY


def test_the_map_names_every_module() -> None:
    named = set(re.findall(r"`((?:kit|tools)/[\w/.]*)`", PAGES["docs/architecture.md"]))
    modules = {
        str(path.relative_to(ROOT)) for path in (ROOT / "kit").rglob("*.py") if path.name != "__init__.py"
    }
    assert sorted(modules - named) == []


def test_every_path_in_the_map_exists() -> None:
    named = re.findall(r"`((?:kit|tools|tests|configs)/[\w/.-]*)`", PAGES["docs/architecture.md"])
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert set(listed) == TARGETS
    declared = re.findall(r"^TARGETS := (.*)", MAKEFILE, re.MULTILINE)[0].split()
    assert declared == listed


def test_pinned_versions_are_exact() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    assert not any(pin.startswith("torch==") for pin in pins)


def test_the_changelog_mentions_every_command() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`kit {name}" not in changelog] == []
