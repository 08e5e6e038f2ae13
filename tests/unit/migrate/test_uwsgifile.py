"""Configurations of uWSGI's: the new file means what the old one meant."""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from uncork.config.load import Reading, read
from uncork.config.options.reading import Reading as ReadingOptions
from uncork.config.settings import Settings
from uncork.config.table import OPTIONS
from uncork.config.textfile import read_text
from uncork.migrate.command import MigrateError, parse_command
from uncork.migrate.draft import Migrated
from uncork.migrate.included import format_of_template
from uncork.migrate.uwsgifile import migrate_command, migrate_file

ENVIRON = {"PORT": "8000", "HOME": "/home/ada"}

Migrate = Callable[..., Migrated]


def corpus() -> list[Path]:
    """Real configurations, where there is a folder of them."""
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("UNCORK_CORPUS", root / "../shared/corpus/uwsgi"))
    return sorted(path for path in folder.glob("*") if path.name != "index.json")


def meaning(path: Path, file_format: str) -> Reading:
    return read([f"--{file_format}", str(path)], ENVIRON)


def told(reading: Reading) -> Settings:
    return dataclasses.replace(reading.settings, entries=())


def without_includes(found: Settings) -> Settings:
    return dataclasses.replace(found, reading=ReadingOptions())


def mistakes(reading: Reading) -> list[str]:
    """What is wrong, without the lines that it is in."""
    return sorted(problem.text.partition(": ")[2] for problem in reading.problems)


@pytest.fixture
def migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Migrate:
    """Migrate files that are given as texts, the first of them."""
    monkeypatch.chdir(tmp_path)

    def run(*texts: str, flatten: bool = False, section: str = "", name: str = "a.ini") -> Migrated:
        for number, text in enumerate(texts):
            (tmp_path / (name if number == 0 else f"{'abcde'[number]}.ini")).write_text(text)
        return migrate_file(name, section, read_text, flatten=flatten)

    return run


@pytest.mark.skipif(not corpus(), reason="there is no folder of real configurations")
@pytest.mark.parametrize("flatten", [False, True])
def test_real_files_keep_their_meaning(tmp_path: Path, flatten: bool) -> None:
    """Every real configuration gives the same settings, and the same mistakes, before and after."""
    changed = []
    for path in corpus():
        file_format = format_of_template(path.name)
        old = tmp_path / f"uwsgi.{file_format}"
        shutil.copyfile(path, old)
        before = meaning(old, file_format)
        text = migrate_file(str(old), "", read_text, flatten=flatten).text
        old.unlink()
        new = tmp_path / "uwsgi.ini"
        new.write_text(text, encoding="utf-8", errors="surrogateescape")
        after = meaning(new, "ini")
        # How other sections are asked for differs from format to format, and flattened they are not.
        same = told if file_format == "ini" and not flatten else lambda one: without_includes(told(one))
        if same(before) != same(after) or mistakes(before) != mistakes(after):
            changed.append(path.name)
        new.unlink()

    assert changed == []


NAMES = [name for _, option in OPTIONS for name in option.names if option.name not in ("exit", "print", "iprint")]
KEYS = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(
        ["workers", "processes", "threads", "socket", "chdir", "env", "pp", "logto", "master", "base", "name"]
    ),
    st.sampled_from(
        ["base", "name", "harakari", "enable-threads", "plugins", "carbon", "zzqx", "", "%n", "if-env", "endif"]
    ),
)
VALUES = st.one_of(
    st.sampled_from(
        ["", "1", "4", "4 # x", "60s", "true", "off", "false # x", "four", "-1", "/srv/app", ":3031", "a=b"]
    ),
    st.sampled_from(
        ["%(base)", "x%(name)", "%(base)/%(name)", "%(workers)", "%(processes + 1)", "%(chdir)/x", "%(a%n)"]
    ),
    st.sampled_from(
        ["%d", "%n.sock", "%k", "100%%", "5%", "%q", "$(PORT)", ":$(PORT)", "$(NOT_SET)", "PORT", "base=2"]
    ),
    st.text(alphabet="ab%()$@=#; ", max_size=8),
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.sampled_from(
        ["master", "; a comment", "# 100%", "", "[other]", "[uwsgi]", "ini = :other", "if-env = PORT", "endif"]
    ),
    st.sampled_from(
        ["if-opt = workers=4", "for = a b", "env = X=%(_)", "endfor", "set = base=1", "set-ph = q=%(base)"]
    ),
    st.sampled_from(
        ["declare-option = pair=processes=$1;threads=$2", "pair = 2 4", "strict = true", "inherit = b.ini"]
    ),
    st.sampled_from(["ini = b.ini", "include = b.ini:other", "ini = :more", "ini = missing.ini"]),
)
OTHER = "[uwsgi]\nworkers = 9\nname = n\nthreads = %(base)\n[other]\nsocket = %n%x\nbase = 5\n[more]\nchdir = %d\n"


@given(lines=st.lists(LINES, max_size=14), flatten=st.booleans())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_files_keep_their_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], flatten: bool
) -> None:
    """Whatever a file is made of: what it means stays, whether it is right or wrong."""
    monkeypatch.chdir(tmp_path)
    old, other = tmp_path / "a.ini", tmp_path / "b.ini"
    old.write_text("[uwsgi]\n" + "\n".join(lines))
    other.write_text(OTHER)
    before = meaning(Path("a.ini"), "ini")
    try:
        old.write_text(migrate_file("a.ini", "", read_text, flatten=flatten).text)
    except MigrateError:
        assume(not flatten)  # a block may decide what an include means, and then nothing is flattened
        raise
    after = meaning(Path("a.ini"), "ini")

    same = (lambda one: without_includes(told(one))) if flatten else told
    assert same(before) == same(after)


def test_sections_that_are_asked_for_are_tidied_and_others_are_not(
    migrate: Migrate, lines: Callable[[Migrated], list[str]]
) -> None:
    """A section of another program in the same file keeps every character; what stands before all sections is told."""
    migrated = migrate(
        "lost = 1\n[app:main]\n  use = egg:x\n    more\n\n[uwsgi]\nini = :base\nmaster\n[base]\nworkers = 2\n"
    )

    assert lines(migrated) == [
        "ini = :base",
        "master = true",
        "[base]",
        "processes = 2",
        "[app:main]",
        "  use = egg:x",
        "    more",
    ]
    assert migrated.by_hand == ("a.ini:1 lost: it stands before any [section], where nothing counts",)


def test_flattened_there_is_one_section(
    migrate: Migrate, lines: Callable[[Migrated], list[str]], tmp_path: Path
) -> None:
    """Lines of other sections and files stand where they were asked for; `%d` and its like say what they said there."""
    migrated = migrate(
        "[uwsgi]\nsocket = %n\nini = b.ini\nini = :other\ninherit = c.ini\n",
        "[uwsgi]\nchdir = %d%N\n[other]\nlogto = %s%x\n",
        flatten=True,
    )

    assert lines(migrated) == ["socket = %n", f"chdir = {tmp_path}/%N", "logto = b.iniother", "inherit = c.ini"]


def test_an_include_that_cannot_be_read_stays(migrate: Migrate, lines: Callable[[Migrated], list[str]]) -> None:
    """Nobody knows what it asks for, so that nothing moves, and somebody is told."""
    migrated = migrate("[uwsgi]\nworkers = 4\nini = gone.ini\nsocket = :1\n")

    assert lines(migrated) == ["workers = 4", "ini = gone.ini", "socket = :1"]
    assert migrated.by_hand == ("a.ini:3 ini = gone.ini: it cannot be read: No such file or directory",)


def test_a_file_that_includes_itself_ends(migrate: Migrate, lines: Callable[[Migrated], list[str]]) -> None:
    """It is no reason to go on for ever: the line stays."""
    assert lines(migrate("[uwsgi]\nini = a.ini\nmaster\n", flatten=True)) == ["ini = a.ini", "master = true"]


def test_what_a_block_decides_is_not_flattened(migrate: Migrate) -> None:
    """Behind a block that may read a file nobody knows which file `ini = :name` is of."""
    with pytest.raises(MigrateError, match="without --flatten"):
        migrate(
            "[uwsgi]\nini = b.ini\nif-env = X\nini = c.ini\nendif\nini = :more\n", "[uwsgi]\n[more]\n", flatten=True
        )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "uwsgi:\n  master: true\n  workers: 4\n  env:\n    - A=1\n    - B=2\n"),
        ("a.json", '{"uwsgi": {"master": true, "workers": 4, "env": ["A=1", "B=2"]}}'),
        ("a.xml", "<uwsgi><master/><workers>4</workers><env>A=1</env><env>B=2</env></uwsgi>"),
        ("a.toml", '[uwsgi]\nmaster = true\nworkers = 4\nenv = ["A=1", "B=2"]\n'),
    ],
)
def test_every_format_becomes_ini(
    migrate: Migrate, lines: Callable[[Migrated], list[str]], name: str, text: str
) -> None:
    """The same configuration in each form comes out as the same file."""
    assert lines(migrate(text, name=name)) == ["master = true", "processes = 4", "env = A=1", "env = B=2"]


def test_what_cannot_be_read_is_said(migrate: Migrate) -> None:
    """No file, no such section, a broken file."""
    with pytest.raises(MigrateError, match=r"nowhere\.ini cannot be read"):
        migrate_file("nowhere.ini", "", read_text)
    with pytest.raises(MigrateError, match=r"no section \[uwsgi\] in a\.ini \(it has \[app\]\)"):
        migrate("[app]\nx = 1\n")
    with pytest.raises(MigrateError, match="this is no json"):
        migrate("{", name="a.json")


def test_a_command_line_of_uwsgi(lines: Callable[[Migrated], list[str]]) -> None:
    """Short letters, clusters and bare files become lines; a percent sign is no magic variable there."""
    migrated = migrate_command(parse_command(["A=1 uwsgi -Mp4 --chmod-s=660 --pidfile=/run/100% --set base=1"]))

    assert {
        "master = true",
        "processes = 4",
        "pidfile = /run/100%%",
        "set = base=1",
        "env = A=1",
        "chmod-socket = 660",
    } == set(lines(migrated))
    assert lines(migrate_command(parse_command(["uwsgi --processes 4 app.ini"]))) == ["processes = 4", "ini = app.ini"]


@pytest.mark.parametrize("line", ["uwsgi --stop /run/pid", "uwsgi --help", "uwsgi --no-such-option", "uwsgi app.py"])
def test_a_command_line_that_starts_no_server(line: str) -> None:
    """It is refused with a sentence."""
    with pytest.raises(MigrateError):
        migrate_command(parse_command([line]))
