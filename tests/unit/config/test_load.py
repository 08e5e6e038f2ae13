"""From everything that was given to settings, warnings or all problems at once."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uncork.config.argv import Request
from uncork.config.load import Configuration, load
from uncork.config.names import uwsgi_names
from uncork.config.settings import Settings
from uncork.config.table import BY_NAME
from uncork.errors import ConfigError
from unit.config.conftest import ShowConfig, Write

GUIDE = """\
[uwsgi]
socket = :7777
master = true
processes = 4
module = flaskr:app
master-fifo = /some/dir/uwsgi.fifo
logto = /some/dir/uwsgi.log
stats = /some/dir/stats.socket
"""


def problems(argv: list[str], environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The problems of a configuration that must have some."""
    with pytest.raises(ConfigError) as caught:
        load(argv, environ or {})
    return caught.value.problems


def test_guide_file(write: Write) -> None:
    """A plain uWSGI file gives typed settings that know their lines, without a warning."""
    configuration = load(["--ini", write("uwsgi.ini", GUIDE)], {})
    assert configuration.warnings == ()
    assert configuration.request is None
    settings = configuration.settings
    assert settings.sockets.socket == (":7777",)
    assert settings.processes.processes == 4
    assert settings.python.module == "flaskr:app"
    assert settings.processes.master_fifo == ("/some/dir/uwsgi.fifo",)
    assert settings.stats.stats == "/some/dir/stats.socket"
    assert settings.master
    assert settings.origin("logto") == "uwsgi.ini:7"


def test_guide_command_line() -> None:
    """The abbreviation of the guide is understood."""
    loaded = load(["--socket", "127.0.0.1:4242", "--module", "server", "--callab", "myapp"], {}).settings
    assert loaded.sockets.socket == ("127.0.0.1:4242",)
    assert loaded.python.callable == "myapp"
    assert not loaded.master
    assert loaded.origin("callable") == "--callab"


def test_nothing_given() -> None:
    """Without anything the settings are the defaults."""
    assert load([], {}) == Configuration(Settings())


@pytest.mark.parametrize(
    ("argv", "environ", "threads"),
    [
        ([], {"UWSGI_THREADS": "9"}, 9),
        (["--threads", "8"], {"UWSGI_THREADS": "9"}, 8),
        (["--threads", "8", "--ini", "a.ini"], {}, 2),
        (["--ini", "a.ini", "--threads", "8"], {}, 8),
        (["a.ini", "--threads", "8"], {}, 2),
        (["a.ini", "b.ini", "--threads", "8"], {}, 3),
        (["--ini", "a.ini"], {"UWSGI_INI": "b.ini"}, 2),
        ([], {"UWSGI_INI": "b.ini"}, 3),
        (["--threads", "8", "--set", "threads=7"], {}, 7),
        (["--inherit", "a.ini", "--threads", "8"], {}, 2),
    ],
)
def test_order_of_override(argv: list[str], environ: dict[str, str], threads: int, write: Write) -> None:
    """Environment, then command line with the files it names, then bare files; what is inherited comes last of all."""
    write("a.ini", "[uwsgi]\nthreads = 2")
    write("b.ini", "[uwsgi]\nthreads = 3")
    assert load(argv, environ).settings.processes.threads == threads


def test_lists_add_up(write: Write) -> None:
    """List options keep every value, from whichever source, in order; aliases are the same list."""
    write("a.ini", "[uwsgi]\npp = b\npythonpath = c\nenv = A=1\nenv = B=2")
    loaded = load(["--python-path", "a", "a.ini"], {"UWSGI_PP": "0"}).settings
    assert loaded.python.pythonpath == ("0", "a", "b", "c")
    assert loaded.processes.env == ("A=1", "B=2")


def test_placeholders_in_order(write: Write) -> None:
    """`$()` comes first, then `@()`, then `%()`; one may write what the next one reads."""
    write("name.txt", "%(base)\n")
    write(
        "a.ini",
        "[uwsgi]\nbase = web\nmodule = @($(FILE))\nchdir = /srv/%(base)/$(SUB)\nset-ph = raw=$(SUB)\n"
        "callable = %(raw)\nprocesses = %(threads + 1)\nthreads = 3\nlog-format = %(method) %(uri)",
    )
    loaded = load(["a.ini"], {"SUB": "app", "FILE": "name.txt"})
    assert loaded.settings.processes.chdir == "/srv/web/app"
    assert loaded.settings.python.module == "web"
    assert loaded.settings.python.callable == "$(SUB)"
    assert loaded.settings.processes.processes == 4
    assert loaded.settings.logging.log_format == "%(method) %(uri)"
    assert loaded.warnings == ()


def test_immediate_options_are_not_expanded(write: Write) -> None:
    """`listen` is read before placeholders are, and the message says so."""
    write("a.ini", "[uwsgi]\nlisten = $(B)\nthreads = $(NO)")
    assert problems(["a.ini"], {"B": "10"}) == (
        "a.ini:2: listen = $(B) (expected a whole number of 1 or more; listen is read before brackets are replaced)",
        "a.ini:3: threads = $(NO) (expected a whole number of 1 or more; what stands in brackets is not defined)",
    )


def test_inherited_values_are_not_expanded(write: Write) -> None:
    """What `inherit` loads comes after expansion."""
    write("base.ini", "[uwsgi]\nchdir = /srv/%n/$(SUB)%(x)")
    assert load(["--inherit", "base.ini"], {"SUB": "app"}).settings.processes.chdir == "/srv/base/$(SUB)%(x)"


def test_inheriting_oneself_ends(write: Write) -> None:
    """A file that inherits itself is stopped."""
    name = write("a.ini", "[uwsgi]\ninherit = a.ini\ninherit = a.ini")
    assert sorted(problems([name])) == [
        "a.ini:2: inherit = a.ini (cannot be read: more than 500 files were included)",
        "a.ini:3: inherit = a.ini (cannot be read: more than 500 files were included)",
    ]


def test_all_problems_together(write: Write) -> None:
    """One start shows every mistake of command line, environment and files."""
    write("a.ini", "[uwsgi]\nprocesses = four\nchmod-socket = 99\nlogto = @(nosuch)\na = x%(a)\nmodule = a\x00b\n")
    assert problems(["--ini", "a.ini", "--threads", "0", "--foobarbaz", "--ini", "b.ini"], {"UWSGI_LISTEN": "x"}) == (
        "unknown option --foobarbaz",
        "--ini b.ini (cannot be read: No such file or directory)",
        "a.ini:4: logto = @(nosuch) (nosuch cannot be read: No such file or directory)",
        "a.ini:5: a = x%(a) (refers to itself)",
        "UWSGI_LISTEN=x (expected a whole number of 1 or more)",
        "a.ini:2: processes = four (expected a whole number of 1 or more)",
        "a.ini:3: chmod-socket = 99 (expected three octal digits like 660)",
        "a.ini:6: module = a\\0b (holds a NUL byte)",
        "--threads 0 (expected a whole number of 1 or more)",
    )


def test_value_of_a_mistaken_option_is_no_file() -> None:
    """After an unknown option its value is not taken for a file."""
    assert problems(["--wokers", "4"]) == ("unknown option --wokers (did you mean --workers?)",)


def test_secret_is_not_shown(write: Write) -> None:
    """A problem with a secret value does not print it."""
    (problem,) = problems([write("a.ini", "[uwsgi]\nenv = PASSWORD=geheim@(nosuch)")])
    assert "geheim" not in problem


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("vassals-include = x", "a.ini:2: vassals-include is known to uWSGI but has no effect here yet"),
        ("plugins = lua", "a.ini:2: plugins is known to uWSGI but has no effect here yet"),
        (
            "if-env = HOME",
            "a.ini:2: if-env is known to uWSGI but has no effect here yet, so the lines of its block always count",
        ),
        ("force-cwd = x", "a.ini:2: force-cwd is known to uWSGI but has no effect here yet"),
        ("harakari = 3", "a.ini:2: harakari is no option, and nothing uses %(harakari) (did you mean harakiri?)"),
        ("qqqqqqqq", "a.ini:2: qqqqqqqq is no option, and nothing uses %(qqqqqqqq)"),
        ("= 3", "a.ini:2: the line has no name before its ="),
    ],
)
def test_warning(line: str, warning: str, write: Write) -> None:
    """What has no effect is said once, with its place."""
    name = write("a.ini", f"[uwsgi]\n{line}\n{line}\n")
    assert load([name], {}).warnings == (warning,)


@pytest.mark.parametrize(
    "lines",
    [
        "need-app = true\nplugins = python3, http\nenable-threads",
        "harakari = 3\nchdir = /%(harakari)",
        "harakari = 3\nprocesses = %(harakari + 1)",
        "set-ph = harakari=3",
        "set = threads=3\nset = foo=1\nset = bar=%(foo)\nchdir = %(bar)",
    ],
)
def test_no_warning(lines: str, write: Write) -> None:
    """What needs nothing done, and what serves as a placeholder, is fine."""
    assert load([write("a.ini", f"[uwsgi]\n{lines}")], {}).warnings == ()


@pytest.mark.parametrize(
    ("argv", "warning"),
    [
        (["--post-buffering", "3"], "--post-buffering is known to uWSGI but has no effect here yet"),
        (["-A", "3"], "-A: sharedarea is known to uWSGI but has no effect here yet"),
    ],
)
def test_warning_for_the_command_line(argv: list[str], warning: str) -> None:
    """An option that has no effect is named as it was typed."""
    assert load(argv, {}).warnings == (warning,)


def test_environment_of_a_cluster_is_no_warning() -> None:
    """Kubernetes sets variables like these for a service named uwsgi; only strict minds."""
    environ = {"UWSGI_PORT": "tcp://10.0.0.1:80", "UWSGI_SERVICE_HOST": "10.0.0.1", "UWSGI_POST_BUFFERING": "3"}
    assert load([], environ).warnings == (
        "UWSGI_POST_BUFFERING: post-buffering is known to uWSGI but has no effect here yet",
    )
    assert len(problems(["--strict"], environ)) == 2


def test_strict(write: Write) -> None:
    """--strict counts for everything, wherever it stands; strict in a file for the lines below it."""
    write("a.ini", "[uwsgi]\nfoo = 1\nstrict = true\nbar = %(foo)\n")
    assert problems(["a.ini"]) == ("a.ini:4: bar = %(foo) (no such option, and strict is on)",)
    assert [text.split(":")[1] for text in problems(["--ini", "a.ini", "--strict"])] == ["2", "4"]


@pytest.mark.parametrize(("word", "request_"), [("--help", Request.HELP), ("--version", Request.VERSION)])
def test_request_reads_nothing(word: str, request_: Request) -> None:
    """Asking for help works in spite of everything else."""
    assert load(["--ini", "nosuch.ini", "--foobarbaz", word], {}) == Configuration(Settings(), request=request_)


def test_vassal_name_is_skipped() -> None:
    """A word in brackets is for uWSGI's Emperor."""
    assert load(["[vassal]"], {}) == Configuration(Settings())


SYNTAX = [
    "%(",
    "$(",
    "@(",
    ")",
    "%",
    "=",
    "\n",
    " ",
    "[",
    "]",
    "uwsgi",
    ":",
    ";",
    "#",
    "0",
    "9",
    "-",
    "+",
    "*",
    "\0",
    "é",
]
PIECES = st.one_of(
    st.sampled_from([*BY_NAME, "ini", "include", "inherit", "set", "set-ph", "strict", "app.ini", "A", "harakiri"]),
    st.sampled_from(SYNTAX),
    st.text(max_size=8),
)
TEXTS = st.lists(PIECES, max_size=60).map("".join)
WORDS = st.lists(
    st.one_of(TEXTS, TEXTS.map("--{}".format), st.sampled_from(sorted(uwsgi_names())).map("--{}".format)), max_size=6
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines=st.lists(TEXTS, max_size=20), argv=WORDS, value=TEXTS)
def test_random_text_is_a_configuration_or_an_error(lines: list[str], argv: list[str], value: str) -> None:
    """Whatever a file, the command line and the environment hold: settings or sentences, and never a traceback."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as directory:
        content = "[uwsgi]\n" + "\n".join(lines)
        (Path(directory) / "app.ini").write_bytes(content.encode("utf-8", "surrogatepass"))
        os.chdir(directory)
        try:
            load(["--ini", "app.ini", *argv], {"UWSGI_MODULE": value, "A": value})
        except ConfigError:
            pass
        finally:
            os.chdir(before)


def test_same_as_uwsgi(write: Write, uwsgi_shows: ShowConfig) -> None:
    """Files with every trick, and options around them, come out as the real uWSGI shows them."""
    write(
        "a.ini",
        "[uwsgi]\r\n# comment\n ; another\nbase = /srv\nchdir=%(base)/app\nprocesses = 4 # x\nmaster\nvacuum =\n"
        "socket =  :1 ; foo\nkey=a=b\nfile = %d|%n|%s|%e|%c|%x|%o|%0|%9|%%|%q|%j|%N\nlost = 10%\nnext = 1\n"
        "ph = $(HOME)$(NOPE)\nsum = %(one + two 3)\none = 5\ntwo = 6\nenv = A=%(base)\nset = foo=bar\n"
        "set-ph = ph2=x%(foo)\nfoo3 = %(foo)%(ph2)\nini = :other\ninclude = b.ini\ninherit = c.ini\n"
        "text = x@(text.txt)%(one)\n[other]\nthr = %x|%o\n[uwsgi] ; c\ndup = 1\n[uwsgi]\ndup = 2\ndup = %(dup)\n"
        '= novalue\nlit = "quoted"\nempty = %(socket)%(workers)\nlog-format = %(method) %(dup)',
    )
    write("b.ini", "[uwsgi]\nini = :two\nthreads = %(one ++)\nafter = %x|%O\n[two]\nintwo = %x|%o|%s|%S|%1")
    write("c.ini", "[uwsgi]\nlate = $(HOME)%n%(base)\n")
    write("d.ini", "[uwsgi]\nbare = %n\nworkers = 1")
    write("text.txt", "from %(file)")
    environ = {"HOME": "/home/x", "UWSGI_THREADS": "2", "UWSGI_MY_VAR": "%(one)", "UWSGI_RELOADS": "1"}
    argv = ["d.ini", "--ini", "a.ini", "--process", "7", "-MC660", "--set", "late=%(base)", "--ini", "b.ini:two"]
    loaded = load(argv, environ).settings.entries
    assert [(entry.name, "true" if entry.value is None else entry.value) for entry in loaded] == uwsgi_shows(
        argv, environ
    )


def corpus() -> list[Path]:
    """The ini files of a folder of real configurations, where there is one."""
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("UNCORK_CORPUS", root / "../shared/corpus/uwsgi"))
    return sorted(folder.glob("*.ini"))


@pytest.mark.skipif(not corpus(), reason="there is no folder of real configurations")
def test_corpus() -> None:
    """Real files are read; the few that are not lack a file or variable of their place, or are templates."""
    # The last is a template's: it stands for a number that a script fills in.
    missing = ("cannot be read: No such file", "is not defined", "expected a file whose name ends in .ini", " = __")
    refused: list[tuple[str, ...]] = []
    for path in corpus():
        try:
            load(["--ini", str(path)], {})
        except ConfigError as error:
            refused.append(error.problems)
    assert [text for texts in refused for text in texts if not any(words in text for words in missing)] == []
    assert len(refused) < len(corpus()) / 10
