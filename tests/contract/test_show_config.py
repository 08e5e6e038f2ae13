"""Side by side with the real uWSGI: the same options with the same values in the same order, after expansion.

Every configuration of the corpus, a directory of real files (the variable UNCORK_CORPUS names it), and our own files
of `tests/data/ini`, which go to the limits of the language.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract.conftest import needs_uwsgi
from harness.corpus import FORMATS, NO_CORPUS, corpus_files
from uncork.config.load import Reading, read

DATA = Path(__file__).resolve().parent.parent / "data" / "ini"

# The real one changes directory after it has shown its configuration and before it opens anything: that ends it.
NO_DIRECTORY = "/proc/no/such/directory"
LAST_WORDS = ["--show-config", "--chdir", NO_DIRECTORY]

# What the files of tests/data/ini ask for.  A reload opens no log file and does not go into the background either.
ENVIRON = {
    "UWSGI_RELOADS": "1",
    "STAGE": "test",
    "PORT": "8080",
    "EMPTY": "",
    "WHICH": "one",
    "REFERS": "x$(STAGE)",
    "NAME_OF": "STAGE",
}

# What must not happen, and does before the configuration is shown: files are opened, commands run, processes are sent
# signals, the output gets another form or goes elsewhere.  On both sides another option stands in for these: one that
# only keeps its value, and for those that act at once, and whose values are not expanded for that reason, one that
# acts as soon.
STAND_INS = {
    **dict.fromkeys(
        (
            *("logger", "log-socket", "log-syslog", "log-encoder", "log-reopen", "log-date", "logdate", "log-prefix"),
            *("hook-asap", "exec-asap", "call-asap", "mount-asap", "umount-asap", "spooler", "cgroup", "setns"),
        ),
        "py-programname",
    ),
    **dict.fromkeys(
        (
            *("fallback-config", "stop", "reload", "pause", "suspend", "resume", "signal", "flock", "flock-wait"),
            *("extract", "connect-and-read", "dlopen", "binary-append-data", "immediate-uid", "immediate-gid"),
        ),
        "spooler-processes",
    ),
}
_NAMED = re.compile(r"(?m)(^[ \t]*|%\()(" + "|".join(STAND_INS) + r")(?=[ \t]*[:=)\n])")

_MISSING = re.compile(r"realpath\(\) of (.*) failed: No such file")
_BEGIN, _END = "\n[uwsgi]\n", ";end of configuration\n"


def harmless(text: str) -> str:
    """A configuration without what acts before it is shown."""
    return _NAMED.sub(lambda found: found[1] + STAND_INS[found[2]], text)


def uwsgi_shows(argv: list[str], directory: Path) -> tuple[str | None, str]:
    """What the real uWSGI makes of a command line, None where it gives up before; and its whole output."""

    def no_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    run = subprocess.run(
        [sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", *argv, *LAST_WORDS],
        cwd=directory,
        env=ENVIRON,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
        preexec_fn=no_files,
    )
    output = run.stdout.decode("utf-8", "surrogateescape")
    _, found, rest = output.partition(_BEGIN)
    shown, complete, _ = rest.partition(_END)
    return (shown if found and complete else None), output


def uncork_shows(reading: Reading) -> str:
    """The same of what Uncork has read, secrets and all."""
    return "".join(
        f"{entry.name} = {'true' if entry.value is None else entry.value}\n"
        for entry in reading.settings.entries
        if not entry.part
    )


def assert_same(argv: list[str], directory: Path) -> None:
    """Assert that both make the same of a command line."""
    theirs, output = uwsgi_shows(argv, directory)
    ours = uncork_shows(read([*argv, *LAST_WORDS], ENVIRON, reloading=True))
    assert theirs is not None, f"uWSGI does not run this:\n{output}"
    assert ours == theirs


def with_includes(argv: list[str], directory: Path, root: Path) -> tuple[str | None, str]:
    """What uWSGI shows, once the files that it misses are there, empty: the corpus has them not or by another name.

    None is made outside `root`.
    """
    for _ in range(20):
        shown, output = uwsgi_shows(argv, directory)
        found = _MISSING.search(output)
        path = Path(os.path.realpath(directory / found[1])) if found else directory
        if path.exists() or not path.is_relative_to(root):
            break
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[uwsgi]\n")
    return shown, output


@needs_uwsgi
@pytest.mark.skipif(not corpus_files(), reason=NO_CORPUS)
@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.name)
def test_corpus(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real file is read as uWSGI reads it."""
    directory = tmp_path / "of" / "the" / "file"
    directory.mkdir(parents=True)
    monkeypatch.chdir(directory)
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    (directory / path.name).write_bytes(harmless(text).encode("utf-8", "surrogateescape"))
    argv = [f"--{FORMATS.get(path.suffix, 'ini')}", path.name]
    shown, output = with_includes(argv, directory, tmp_path)
    if shown is None:
        pytest.skip(f"uWSGI does not run this: {output.strip().splitlines()[-1:]}")
    assert uncork_shows(read([*argv, *LAST_WORDS], ENVIRON, reloading=True)) == shown


@needs_uwsgi
@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*.ini")))
def test_limits(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that goes to the limits of the language is read as uWSGI reads it."""
    directory = tmp_path / "ini"
    shutil.copytree(DATA, directory)
    monkeypatch.chdir(directory)
    assert_same(["--ini", name], directory)


@needs_uwsgi
@pytest.mark.parametrize(
    "argv",
    [
        ["lines.ini"],
        ["--ini", "includes.ini:http"],
        ["lines.ini", "--master", "dos.ini", "-p", "3"],
        ["--master", "--processes=3", "-s:3031", "-iMT", "--ini=dos.ini", "--set", "x=%(processes)"],
        ["--ini", "./conf.d/../magic.ini", "--ini", "conf.d/second.ini"],
        ["--if-env", "STAGE", "--threads", "2", "--endif", "--threads", "3"],
        ["--env", "A=$(STAGE)", "--http-socket", ":%(x)", "--set-ph", "x=$(PORT)"],
        ["--include", "conf.d/second.ini", "--inherit", "conf.d/second.ini"],
        pytest.param(
            ["--include", "conf.d/first.ini", "--ini", "conf.d/first.ini"],
            marks=pytest.mark.xfail(reason="%N and the like are empty until a format's option, as --ini, names a file"),
        ),
        ["--for", "a b", "--static-map", "/%(_)=%(_)", "--endfor"],
    ],
    ids=" ".join,
)
def test_command_line(argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line counts in uWSGI's order, together with the files that it names."""
    directory = tmp_path / "ini"
    shutil.copytree(DATA, directory)
    monkeypatch.chdir(directory)
    assert_same(argv, directory)
