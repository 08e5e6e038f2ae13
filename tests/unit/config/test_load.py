"""From everything that was given to settings, warnings or all problems at once."""

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uncork.config.load import Reading, load, read
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
    assert load([], {}) == Reading(Settings(), (), (), frozenset())


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
        "a.ini:2: listen = $(B) (expected a whole number of 0 or more; listen is read before brackets are replaced)",
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
    assert problems(
        ["--ini", "a.ini", "--threads", "many", "--foobarbaz", "--ini", "b.ini"], {"UWSGI_LISTEN": "x"}
    ) == (
        "unknown option --foobarbaz",
        "--ini b.ini (cannot be read: No such file or directory)",
        "a.ini:4: logto = @(nosuch) (nosuch cannot be read: No such file or directory)",
        "a.ini:5: a = x%(a) (more than 10,000 replacements: it seems to refer to itself)",
        "UWSGI_LISTEN=x (expected a whole number of 0 or more)",
        "a.ini:2: processes = four (expected a whole number of 1 or more)",
        "a.ini:3: chmod-socket = 99 (expected three octal digits like 660)",
        "a.ini:6: module = a\\0b (holds a NUL byte)",
        "--threads many (expected a whole number of 1 or more)",
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
        ("vassals-include = x", "a.ini:2: vassals-include: it is read and checked, but does nothing in this version"),
        (
            "plugins = lua",
            (
                "a.ini:2: plugins is not supported: a plugin that is written in C for uWSGI cannot be loaded; "
                "take its name out, and do the same in Python or in nginx"
            ),
        ),
        (
            "force-cwd = x",
            (
                "a.ini:2: force-cwd is not supported: the app has one working directory; "
                "use chdir, or os.chdir() in the app"
            ),
        ),
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


def test_yes_is_no_number(write: Write) -> None:
    """A word for yes counts as uWSGI counts it, and is said: the writer meant a flag."""
    configuration = load([write("a.ini", "[uwsgi]\nthreads = True\nlog-slow = yes\n")], {})
    assert configuration.warnings == (
        "a.ini:2: threads = True (expected a whole number of 1 or more; it counts as 1)",
        "a.ini:3: log-slow = yes (expected a whole number of 0 or more; it counts as 0)",
    )
    assert (configuration.settings.processes.threads, configuration.settings.logging.log_slow) == (1, 0)


@pytest.mark.parametrize(
    ("argv", "warning"),
    [
        (["--cache2", "name=a,items=9"], "--cache2: it is read and checked, but does nothing in this version"),
        (["-A", "3"], "-A: sharedarea: it is read and checked, but does nothing in this version"),
    ],
)
def test_warning_for_the_command_line(argv: list[str], warning: str) -> None:
    """An option that has no effect is named as it was typed."""
    assert load(argv, {}).warnings == (warning,)


def test_environment_of_a_cluster_is_no_warning() -> None:
    """Kubernetes sets variables like these for a service named uwsgi; only strict minds."""
    environ = {"UWSGI_PORT": "tcp://10.0.0.1:80", "UWSGI_SERVICE_HOST": "10.0.0.1", "UWSGI_CACHE2": "name=a,items=9"}
    assert load([], environ).warnings == (
        "UWSGI_CACHE2: cache2: it is read and checked, but does nothing in this version",
    )
    assert len(problems(["--strict"], environ)) == 2


def test_strict(write: Write) -> None:
    """--strict counts for everything, wherever it stands; strict in a file for the lines below it."""
    write("a.ini", "[uwsgi]\nfoo = 1\nstrict = true\nbar = %(foo)\n")
    assert problems(["a.ini"]) == ("a.ini:4: bar = %(foo) (no such option, and strict is on)",)
    assert [text.split(":")[1] for text in problems(["--ini", "a.ini", "--strict"])] == ["2", "4"]


def test_vassal_name_is_skipped() -> None:
    """A word in brackets is for uWSGI's Emperor."""
    assert load(["[vassal]"], {}).settings == Settings()


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


# ---- options of declare-option -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "threads", "processes"),
    [
        # It counts when it is read, and so before all lines, ...
        ("declare-option = foo=threads=$1\nthreads = 2\nfoo = 4", 2, 1),
        ("declare-option = foo=threads=$1\nfoo = 4\nthreads = 2", 2, 1),
        ("declare-option = foo=threads=$1\nfoo = 4\nfoo = 3", 3, 1),
        ("declare-option = foo=set=threads=$1\nfoo = 3\nthreads = 2", 2, 1),
        ("declare-option = foo=ini=:$1\nfoo = s\n[s]\nthreads = 4", 4, 1),
        # ... or with the lines, if nobody knew it when it was read, or with declare-option2.
        ("foo = 4\ndeclare-option = foo=threads=$1", 4, 1),
        ("n = 5\nfoo = %(n)\ndeclare-option = foo=threads=$1", 5, 1),
        ("declare-option2 = foo=threads=$1\nthreads = 2\nfoo = 4", 4, 1),
        ("declare-option2 = foo=threads=$1\nfoo = 4\nthreads = 2", 2, 1),
        ("declare-option2 = foo=threads=$1\nn = 3\nfoo = %(n)", 3, 1),
        ("declare-option2 = foo=bar=$1\ndeclare-option2 = bar=threads=$1\nfoo = 5", 5, 1),
        ("declare-option2 = foo=set=threads=$1\nfoo = 5\nthreads = 3", 5, 1),
        ("foo = 4\ndeclare-option2 = foo=threads=$1", 1, 1),
        # One may stand for another one, wherever that is declared.
        ("declare-option = foo=threads=$1;bar=$1\ndeclare-option = bar=processes=$1\nfoo = 3", 3, 3),
        # A part without = ends it.
        ("declare-option = foo=master;threads=$1\nfoo = 4", 1, 1),
        ("declare-option = foo=threads=$1;master;processes=3\nfoo = 4", 4, 1),
        # The first declaration counts, and no option gets another meaning.
        ("declare-option = foo=threads=3\ndeclare-option = foo=processes=2\nfoo = 1", 3, 1),
        ("declare-option = threads=processes=5\nthreads = 2", 2, 1),
    ],
)
def test_declared_option(lines: str, threads: int, processes: int, write: Write) -> None:
    """The numbers are those with which uWSGI 2.0.30 starts."""
    found = read([write("a.ini", f"[uwsgi]\n{lines}")], {})
    assert found.problems == ()
    assert (found.settings.processes.threads, found.settings.processes.processes) == (threads, processes)


def test_value_of_a_declared_option_is_not_expanded(write: Write) -> None:
    """It counts before anything in brackets is replaced, and the message for a number says so."""
    lines = "declare-option = foo=env=$1\nbar = 1\nfoo = $(STAGE)=%(bar)\n"
    found = read([write("a.ini", f"[uwsgi]\n{lines}")], {"STAGE": "test"})
    assert found.settings.processes.env == ("$(STAGE)=%(bar)",)
    (problem,) = read([write("a.ini", "[uwsgi]\ndeclare-option = foo=threads=$1\nfoo = %(n)\nn = 3")], {}).problems
    assert problem.text.endswith("threads is read before brackets are replaced)")


def test_order_of_what_a_declared_option_stands_for(write: Write) -> None:
    """Who asks for the entry that counts gets it."""
    lines = "declare-option = foo=threads=$1\nworkers = 2\nthreads = 2\nfoo = 4\nprocesses = 3"
    settings_ = read([write("a.ini", f"[uwsgi]\n{lines}")], {}).settings
    assert settings_.origin("threads") == "a.ini:4"
    assert [entry.name for entry in settings_.entries] == [
        "declare-option", "workers", "threads", "threads", "foo", "processes"
    ]  # fmt: skip
    assert [entry.part for entry in settings_.given("threads")] == [True, False]


@pytest.mark.parametrize("template", ["foo=foo=$1", "foo=foo=$1;foo=$1", "foo=bar=$1\ndeclare-option = bar=foo=$1"])
@pytest.mark.parametrize("option", ["declare-option", "declare-option2"])
def test_declared_options_that_stand_for_themselves(template: str, option: str, write: Write) -> None:
    """uWSGI crashes; here it is a mistake, said once."""
    (problem,) = read([write("a.ini", f"[uwsgi]\n{option} = {template}\nfoo = 1")], {}).problems
    assert problem.reason == "options of declare-option stand in one another more than 10 deep"


def test_strict_minds_what_a_declared_option_stands_for(write: Write) -> None:
    """A name in a template is a name."""
    lines = "strict = true\ndeclare-option = foo=harakari=$1\nfoo = 1"
    assert problems([write("a.ini", f"[uwsgi]\n{lines}")]) == (
        "a.ini:4: harakari = 1 (no such option, and strict is on; did you mean harakiri?)",
    )


def test_declared_options_are_shown_as_uwsgi_shows_them(write: Write, uwsgi_shows: ShowConfig) -> None:
    """What they stand for is not shown, but for what `set`, files and blocks in them add, and that in its place."""
    lines = (
        "declare-option = a=set=bar=$1\na = 1\nz = %(bar)\nbar = 2\ndeclare-option = b=if-env=$1\nb = NOPE\n"
        "lost = 1\nendif =\ndeclare-option = c=for=$1\nc = x  y\nw = %(_)\nendfor =\ndeclare-option = d=ini=:$1\n"
        "d = more\ndeclare-option = e=threads=$1\ne = 3\nif-opt = threads\nlost = 2\nendif =\nf = 1\n"
        "declare-option = f=set=g=$1\nh = $(HOME)\ndeclare-option = h=set=i=$1\nthreads = 4\ne = %(z)\n"
        "declare-option2 = j=set=k=$1\nj = %(z)\ndeclare-option = l=set-ph=m=$1\nl = 5\nn = %(m)\n"
        "declare-option = o=py-programname=$(HOME)$1;p=$1\no = %(z)\nq = %(py-programname)%(p)\n[more]\nx = y"
    )
    argv = ["--ini", write("a.ini", f"[uwsgi]\n{lines}"), "--declare-option", "r=set=s=$1", "--r", "t", "--r=u"]
    found = read(argv, {"HOME": "/home/x"}).settings.entries
    assert [(entry.name, entry.value) for entry in found if not entry.part] == uwsgi_shows(argv, {"HOME": "/home/x"})


# ---- limits --------------------------------------------------------------------------------------------------------


def test_a_thousand_mistakes_take_no_second(write: Write) -> None:
    """Names that are none are looked for a few times only: the master reads its file anew at every reload."""
    write("a.ini", "[uwsgi]\n" + "".join(f"placeholder-number-{number} = 1\n" for number in range(1000)))
    read(["a.ini"], {})
    began = time.process_time()
    assert len(read(["a.ini"], {}).warnings) == 1000
    assert time.process_time() - began < 1


def test_values_together_have_a_limit(write: Write) -> None:
    """A file of half a megabyte does not become one of gigabytes."""
    write("a.ini", f"[uwsgi]\na = {'x' * 500_000}\n" + "b = -%(a)%(a)\n" * 3000)
    found = read(["a.ini"], {})
    assert [problem.reason for problem in found.problems] == ["all values together take too many replacements"]
    assert sum(len(entry.value or "") for entry in found.settings.entries) < 100 * 1024 * 1024


def test_pipes_at_a_reload(write: Write) -> None:
    """A master does not wait for a pipe that nobody writes to."""
    os.mkfifo(write("pipe", "") + ".fifo")
    write("a.ini", "[uwsgi]\nini = pipe.fifo\nenv = A=@(pipe.fifo)\nfor-readline = pipe.fifo\nendfor =\n")
    reasons = [problem.reason for problem in read(["a.ini"], {}, reloading=True).problems]
    assert len(reasons) == 3
    assert all(reason.endswith("nothing came at once") for reason in reasons)
