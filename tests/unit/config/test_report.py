"""What is said of a configuration that was read."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uncork.config.load import read
from uncork.config.problem import Problem, about
from uncork.config.report import Findings, Mark, Report, Row, arguments, is_unreadable, report
from uncork.config.table import BY_NAME
from unit.config.conftest import Write

FILE = "app.ini"


class Checks:
    """Reports on ini files with the given lines."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def __call__(
        self,
        *lines: str,
        environ: Mapping[str, str] | None = None,
        found: Findings | None = None,
        here: bool = False,
    ) -> Report:
        self._write(FILE, "\n".join(["[uwsgi]", *lines]))
        environ = environ or {}
        return report(read(arguments(FILE), environ), environ, found or Findings(), here=here)


@pytest.fixture
def checks(write: Write) -> Checks:
    """Reports on the lines of a file."""
    return Checks(write)


def row(said: Report, name: str) -> Row:
    """The only row of a name."""
    (found,) = [one for one in said.rows if one.name == name]
    return found


def test_rows_in_order(checks: Checks) -> None:
    """Each option has a row: name, value after expansion, file and line, status, reason."""
    said = checks("base = /srv", "socket = %(base)/x", "need-app", "master = true")

    assert [one[:4] for one in said.rows] == [
        ("base", "/srv", "app.ini:2", "accepted"),
        ("socket", "/srv/x", "app.ini:3", "supported"),
        ("need-app", "", "app.ini:4", "accepted"),
        ("master", "true", "app.ini:5", "supported"),
    ]
    assert all(one.reason for one in said.rows)
    assert said.counts == {"supported": 2, "accepted": 2, "unsupported": 0, "unknown": 0}
    assert (said.errors, said.warnings, said.here, said.exit) == ((), (), (), 0)


def test_placeholder(checks: Checks) -> None:
    """An unknown name that other lines use is a placeholder, and nothing to warn of."""
    said = checks("base = /srv", "set-ph = spare=1", "chdir = %(base)")

    assert row(said, "base")[3:] == ("accepted", "a placeholder that other lines use", Mark.ACCEPTED)
    assert row(said, "spare").reason == "a placeholder that no line uses"
    assert said.exit == 0


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("harakari", "harakiri"), ("chmod-sock", "chmod-socket"), ("thread", "threads"), ("guid", "uid")],
)
def test_typo(checks: Checks, typo: str, meant: str) -> None:
    """An unknown name that nothing uses is a warning with the names that are near."""
    said = checks(f"{typo} = 1")

    assert row(said, typo).status == "unknown"
    assert meant in row(said, typo).reason
    (warning,) = said.warnings
    assert warning.startswith(f"app.ini:2: {typo} ")
    assert meant in warning
    assert said.exit == 1


def test_bad_value(checks: Checks) -> None:
    """A value that an option does not take is an error, said in its row, too."""
    said = checks("processes = four", "threads = -1")

    assert said.errors == (
        "app.ini:2: processes = four (expected a whole number of 1 or more)",
        "app.ini:3: threads = -1 (expected a whole number of 1 or more)",
    )
    assert row(said, "processes")[3:] == ("supported", "expected a whole number of 1 or more", Mark.WRONG)
    assert said.exit == 2


def test_strict(checks: Checks) -> None:
    """An unknown name under strict is an error."""
    said = checks("strict = true", "harakari = 1")

    assert row(said, "harakari")[3] == "unknown"
    assert row(said, "harakari").mark is Mark.WRONG
    assert said.errors == ("app.ini:3: harakari = 1 (no such option, and strict is on; did you mean harakiri?)",)
    assert row(said, "harakari").reason == "no such option, and strict is on; did you mean harakiri?"
    assert said.warnings == ()
    assert said.exit == 2


def test_file_that_includes_itself(checks: Checks) -> None:
    """It could be read nowhere."""
    assert checks("include = app.ini").exit == 2


@pytest.mark.parametrize(
    "value", ["__PORT__", "{{ port }}", "{% port %}", "<%= port %>", "${PORT}", "@PORT@", "<Port>"]
)
def test_template(checks: Checks, value: str) -> None:
    """A number that a template leaves for somebody to fill in is no mistake."""
    said = checks(f"processes = {value.replace('%', '%%')}")

    assert row(said, "processes").mark is Mark.HERE
    assert said.errors == ()
    (sentence,) = said.here
    assert sentence == f"app.ini:2: processes = {value} (to be filled in; expected a whole number of 1 or more)"
    assert sentence in said.warnings
    assert said.exit == 1


def test_variable_that_is_not_set(checks: Checks) -> None:
    """What depends on the environment is a warning about this machine, in numbers and elsewhere."""
    lines = ("processes = $(N)", "module = $(APP)", "attach-daemon = echo $(date)")
    said = checks(*lines)

    assert said.errors == ()
    assert said.here == (
        "app.ini:2: processes = $(N) (the variable N is not set)",
        "app.ini:3: module = $(APP) (the variable APP is not set)",
    )
    assert row(said, "module")[4:] == ("the variable APP is not set", Mark.HERE)
    assert checks(*lines, environ={"N": "1", "APP": "a:b"}).here == ()


def test_what_follows_from_a_variable_is_not_said_besides(checks: Checks) -> None:
    """A port or a directory is wrong because the variable is missing, which is said once."""
    said = checks("home = $(VENV)")
    entry = read(arguments(FILE), {}).settings.entries[-1]
    found = Findings(problems=[about(entry, "directory x does not exist", here=True)])

    assert said.here == ("app.ini:2: home = $(VENV) (the variable VENV is not set)",)
    assert checks("home = $(VENV)", found=found).here == said.here


def test_unreadable_brackets_of_a_file(checks: Checks) -> None:
    """A number in a file that is missing here is no mistake besides."""
    said = checks("processes = @(gone)")
    assert said.errors == ()
    assert said.exit == 1


def test_here(checks: Checks) -> None:
    """On the machine that the file is for, what is wrong there is an error."""
    found = Findings(problems=[Problem("no user", here=True)])

    assert checks("include = gone.ini").exit == 1
    assert checks("include = gone.ini", here=True).exit == 2
    assert checks("master = 1", found=found).exit == 1
    said = checks("master = 1", found=found, here=True)
    assert (said.errors, said.warnings, said.here) == (("no user",), (), ())


def test_findings(checks: Checks) -> None:
    """What others found is said with the rest."""
    said = checks("master = 1", found=Findings([Problem("a"), Problem("b", here=True)], ["c"]))
    assert (said.errors, said.warnings, said.here) == (("a",), ("c", "b"), ("b",))


def test_missing(checks: Checks) -> None:
    """What a command line may add is a warning, also on the machine that the file is for."""
    found = Findings(missing={"app": "no app"})
    for here in (False, True):
        said = checks("master = 1", found=found, here=here)
        assert (said.errors, said.warnings, said.here, said.missing) == ((), ("no app",), (), ("app",))
        assert said.exit == 1


def test_undefined_placeholder(checks: Checks) -> None:
    """A placeholder that nothing defines is a warning, but not where it is replaced later."""
    assert checks("log-format = %(method) %(uri)").warnings == ()
    assert not [text for text in checks("error-route = ^/x redirect:%(uri)").warnings if "nothing defines" in text]
    (warning,) = checks("base = /srv", "home = %(bse)", "chdir = %(base)").warnings
    assert warning == "app.ini:3: home = %(bse) (nothing defines %(bse); did you mean %(base)?)"


def test_placeholder_inside_set(checks: Checks) -> None:
    """What `set` makes is replaced where it counts, and not where it is set."""
    assert checks("name = blog", "set = base=/srv/%(name)", "chdir = %(base)").warnings == ()
    assert checks("set = q=$(HOME)/y", "chdir = %(q)", environ={"HOME": "/root"}).warnings == ()


def test_brackets_that_are_never_replaced(checks: Checks) -> None:
    """An option that is read before brackets are replaced says so, and not that a variable is missing."""
    said = checks("if-exists = $(HOME)/x", "threads = 2", "endif", environ={"HOME": "/root"})
    assert said.warnings == ("app.ini:2: if-exists = $(HOME)/x (if-exists is read before brackets are replaced)",)
    assert said.here == ()


def test_defined_and_yet_there(checks: Checks) -> None:
    """Neither a name nor a variable that is there is said to be missing, however its text came into the value."""
    said = checks("a = %(a)", "set-ph = p=$(HOME)", "chdir = %(p)%(a)", environ={"HOME": "/root"})
    assert not [text for text in said.warnings if "nothing defines" in text or "is not set" in text]


def test_many_undefined(checks: Checks) -> None:
    """Each of a thousand placeholders has its warning; what was meant is guessed for the first ones only."""
    said = checks(
        *(f"base{number} = 1" for number in range(20)), *(f"chdir = %(bas{number}x)" for number in range(1000))
    )
    warnings = [text for text in said.warnings if "nothing defines" in text]
    assert len(warnings) == 1000
    assert 0 < sum("did you mean" in text for text in warnings) <= 20


def test_exit(checks: Checks) -> None:
    """A configuration that leaves does not serve; where a block asks for something, that may be so here only."""
    said = checks("exit = 3", "threads = 2")
    assert said.errors == ("app.ini:2: exit = 3 (a start ends here, with status 3)",)
    assert said.exit == 2
    said = checks("if-not-env = X", "exit = 3", "endif", "threads = 2")
    assert (said.errors, len(said.here), said.exit) == ((), 1, 1)
    assert checks("if-env = X", "exit = 3", "endif", "threads = 2").exit == 0
    assert checks("for = a b", "exit = 3", "endfor").exit == 2


@pytest.mark.parametrize("declaring", ["declare-option", "declare-option2"])
def test_declared(checks: Checks, declaring: str) -> None:
    """A name that the configuration made an option is one, however it was declared."""
    said = checks(f"{declaring} = limits=harakiri=$1", "limits = 30")
    assert row(said, "limits")[3:5] == ("supported", "made by declare-option")
    assert said.exit == 0


def test_rows_have_an_end(checks: Checks) -> None:
    """Of a block that counts far only so much is shown as somebody may read, and that is said; secrets stay hidden."""
    said = checks("for-times = 9999", "env = A%(_)=%(_)", "endfor", "api_key = hunter22", "chdir = /hunter22")
    assert len(said.rows) == 2000
    (warning,) = [text for text in said.warnings if "are shown" in text]
    assert warning.startswith("only the first 2,000 of ")
    assert "hunter22" not in repr(said)


def test_overridden(checks: Checks) -> None:
    """A value that does not count says which one does; values that add up all count."""
    said = checks("workers = 1", "socket = :1", "processes = 2", "socket = :2")

    assert said.rows[0].reason == "overridden: app.ini:4 counts"
    assert [one.mark for one in said.rows] == [Mark.OVERRIDDEN, Mark.SUPPORTED, Mark.SUPPORTED, Mark.SUPPORTED]


def test_does_nothing_yet(checks: Checks) -> None:
    """An option that is only read and checked is accepted, with a warning."""
    name = next((name for name, declared in BY_NAME.items() if not declared.option.acts), None)
    if name is None:
        pytest.skip("every option acts")
    said = checks(f"{name} = 1")
    assert row(said, name).status == "accepted"


@pytest.mark.parametrize(
    ("file", "option"),
    [
        ("app.ini", "--ini=app.ini"),
        ("app.ini:blog", "--ini=app.ini:blog"),
        ("/srv/app.d/uwsgi.yml", "--yaml=/srv/app.d/uwsgi.yml"),
        ("uwsgi.json", "--json=uwsgi.json"),
        ("uwsgi.js", "--json=uwsgi.js"),
        ("uwsgi.xml", "--xml=uwsgi.xml"),
        ("uwsgi.toml", "--toml=uwsgi.toml"),
        ("uwsgi.yaml.example", "--yaml=uwsgi.yaml.example"),
        ("uwsgi.conf", "--ini=uwsgi.conf"),
        ("app.ini.template", "--ini=app.ini.template"),
        ("app.skel", "--ini=app.skel"),
        ("-", "--ini=-"),
    ],
)
def test_arguments(file: str, option: str) -> None:
    """A file is read in the format that its name shows, whatever comes behind."""
    assert arguments(file) == [option]
    assert arguments(file, ["a=b"]) == ["--set=a=b", option]


@pytest.mark.parametrize("content", [None, b"\0\xff\x00junk", b"[uwsgi]\nmaster\0=1"])
def test_unreadable(tmp_path: Path, content: bytes | None) -> None:
    """A file that is not there, or no configuration, is reported and not raised."""
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    reading = read(arguments(str(path)), {})
    said = report(reading, {})

    assert is_unreadable(reading)
    assert said.exit == 2
    assert said.errors[0].startswith(f"{path}:")
    assert said.errors[0].count(str(path)) == 1


def test_secrets_are_not_said(checks: Checks) -> None:
    """No row and no sentence shows a secret."""
    said = checks(
        "dbpassword = hunter2",
        "processes = %(dbpassword)",
        "env = TOKEN=hunter3",
        "module = a:b('%(dbpassword)', '$(API_KEY)')",
        "chdir = /srv/hunter3",
        environ={"API_KEY": "hunter4"},
        found=Findings([Problem("directory /srv/hunter3 does not exist", here=True)]),
    )
    assert "hunter" not in repr(said)
    assert row(said, "module").value == "a:b('***', '***')"


# Names as people write them, and values with everything that is read in a special way.
NAMES = st.sampled_from(
    ["processes", "env", "set", "db_password", "harakari", "include", "if-env", "endif", "for", "declare-option", "x"]
)
BRACKETS = ["%(x)", "$(HOME)", "%(db_password)", "@(none)", "{{ x }}"]
VALUES = st.one_of(
    st.sampled_from([*BRACKETS, "", "true", "app.ini", "TOKEN=hunter22", "x=threads=$1"]), st.text(max_size=20)
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
def test_any_lines(tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    """Whatever a file says, there is a report, and no secret in it."""
    path = tmp_path / FILE
    text = "\n".join(["[uwsgi]", "api_key = hunter22", *(f"{name} = {value}" for name, value in lines)])
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    said = report(read(arguments(str(path)), os.environ), os.environ)

    assert said.exit in {0, 1, 2}
    assert sum(said.counts.values()) == len(said.rows)
    assert set(said.here) <= set(said.warnings)
    assert "hunter22" not in repr(said)
