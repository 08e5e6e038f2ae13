"""Whatever a file holds, reading and checking it ends soon, in little memory, and says what is wrong with it.

The seeds are the files of `tests/data/ini` and of the corpus, if there is one, each changed at random.  A few hundred
files in a run of all tests; for more:

    UNCORK_RANDOM_FILES=100000 pytest tests/unit/config/test_random_files.py --timeout 0
"""

import os
import random
import resource
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from harness.corpus import FORMATS, corpus_files
from uncork.cli import check
from uncork.config.load import load
from uncork.config.names import uwsgi_names
from uncork.config.reader import Exit
from uncork.errors import ConfigError

EXAMPLES = int(os.environ.get("UNCORK_RANDOM_FILES", "300"))

# Far beyond what any file takes on a busy machine.
PATIENCE = timedelta(seconds=30)
# More than what the process has when it starts, in bytes.
MEMORY = 1 << 30

DATA = Path(__file__).resolve().parents[2] / "data" / "ini"

# Of formats that people rarely use.
SEEDS = [
    ("json", b'{"uwsgi": {"socket": ":3031", "master": true, "env": ["A=1", "B=2"], "threads": 2, "x": {"a": null}}}'),
    ("json", b'{\n "other": {"y": [1, 2.5e3, "%(z)"]},\n "uwsgi": {\n  "module": "a:b",\n  "for": "\\u00e9 b"\n }\n}'),
    ("xml", b'<?xml version="1.0"?>\n<root><uwsgi id="a"><socket>:1</socket><master/></uwsgi><uwsgi>x</uwsgi></root>'),
    ("xml", b'<!DOCTYPE u [<!ENTITY a "b">]><uwsgi><env>A=&a;&amp;</env><!-- c --><x><![CDATA[d]]></x></uwsgi>'),
    (
        "toml",
        b'[uwsgi]\nsocket = ":3031"\nmaster = true\nmount = ["/a=b", """c\n"""]\n[uwsgi.env]\nA = "1"\n',
    ),
    ("toml", b"uwsgi = {env = {A = 1979-05-27}}\n[other]\nb.c = [[1], {d = '''e'''}]\n"),
    (
        "yaml",
        b"a: &a [1, 2]\nuwsgi:\n  socket: :3031\n  env: {A: 1}\n  a:\n    - b\n  x: |\n    text\n  y: *a\n",
    ),
]
SEEDS += [("ini", path.read_bytes()) for path in sorted(DATA.glob("*.ini"))]
SEEDS += [(FORMATS.get(path.suffix, "ini"), path.read_bytes()) for path in corpus_files()]

# What a mutation puts in: signs with a meaning, limits, files that never end, and names.
WORDS = [
    *(b"%", b"%(", b"%%", b"$(", b"@(", b")", b"=", b":", b"[", b"]", b"[uwsgi]", b"\n", b"\r\n", b"\0", b"\xff", b"#"),
    *(b"%(_)", b"%(a + b)", b"%(a / 0)", b"%(x ++)", b"$(HOME)", b"@(/dev/zero)", b"@(/proc/self/mem)", b"%p", b"%N"),
    *(b"\nini = %p\n", b"\nini = :uwsgi\n", b"\ninclude = %p\n", b"\ninherit = %p\n", b"\nini = /dev/zero\n"),
    *(b"\nfor-readline = /dev/zero\n", b"\nfor-times = 999999999\n", b"\nfor = a b\n", b"\nendfor =\n", b"\nendif\n"),
    *(b"\nif-env = HOME\n", b"\nif-file = /\n", b"\nif-hostname-match = (a*)*b\n", b"\nset = a=%(a)%(a)\n"),
    *(b"\na = x%(a)%(a)\n", b"\ndeclare-option = a=a=$1\n", b"\nstrict = 1\n", b"\nexit = 3\n", b"\nini = -\n"),
    *(b"\nprocesses = 99999999999999999999\n", b"\nthreads = -1\n", b"\nbuffer-size = 1e9\n", b"\nyaml = %p\n"),
    *(b'"', b"'", b"{", b"}", b"<", b">", b"&", b"*a", b"&a ", b"<<: *a", b"- ", b"  ", b"\t", b"!!python/name:os.x "),
    *(b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc2\x85", b"\\ud800", b"1e999", b"NaN", b"0o7", b"9" * 5000, b"[" * 2000),
]
NAMES = sorted(name.encode() for name in uwsgi_names())

Mutation = Callable[[random.Random, bytes], bytes]


def _lines(change: Callable[[random.Random, list[bytes]], None]) -> Mutation:
    def mutate(chance: random.Random, text: bytes) -> bytes:
        lines = text.split(b"\n")
        change(chance, lines)
        return b"\n".join(lines)

    return mutate


def _place(chance: random.Random, text: bytes) -> int:
    return chance.randrange(len(text) + 1)


def _cut(chance: random.Random, text: bytes) -> bytes:
    return text[: _place(chance, text)]


def _flip(chance: random.Random, text: bytes) -> bytes:
    changed = bytearray(text or b" ")
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _insert(chance: random.Random, text: bytes) -> bytes:
    place = _place(chance, text)
    return text[:place] + chance.choice(WORDS) + text[place:]


def _option(chance: random.Random, text: bytes) -> bytes:
    values = [b"", b"1", b"true", b"x", chance.choice(WORDS), chance.choice(NAMES)]
    return text + b"\n" + chance.choice(NAMES) + b" = " + chance.choice(values) + b"\n"


def _rename_section(chance: random.Random, text: bytes) -> bytes:
    return text.replace(b"uwsgi", chance.choice([b"", b"x", b"uwsgi]", b"\xff", b"uWSGI"]), chance.randint(1, 3))


def _noise(chance: random.Random, text: bytes) -> bytes:
    place = _place(chance, text)
    return text[:place] + chance.randbytes(chance.randint(1, 200)) + text[place:]


def _replaced(chance: random.Random, text: bytes) -> bytes:
    return chance.randbytes(chance.randrange(len(text) + 2))


def _repeat(chance: random.Random, text: bytes) -> bytes:
    return text * chance.randint(2, 5) if len(text) < 5_000 else text


MUTATIONS: dict[str, Mutation] = {
    "drop a line": _lines(lambda chance, lines: lines.__delitem__(chance.randrange(len(lines)))),
    "repeat a line": _lines(lambda chance, lines: lines.insert(chance.randrange(len(lines)), chance.choice(lines))),
    "shuffle": _lines(lambda chance, lines: chance.shuffle(lines)),
    "cut": _cut,
    "flip": _flip,
    "insert": _insert,
    "option": _option,
    "rename section": _rename_section,
    "noise": _noise,
    "replace": _replaced,
    "repeat": _repeat,
}


@pytest.fixture
def _bounded_memory() -> Iterator[None]:
    """Whatever takes too much memory fails by MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.usefixtures("_bounded_memory")
@settings(
    max_examples=EXAMPLES,
    deadline=PATIENCE,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.sampled_from(SEEDS),
    mutations=st.lists(st.sampled_from(sorted(MUTATIONS)), max_size=6),
    chance=st.integers(0, 2**32),
)
def test_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: tuple[str, bytes], mutations: list[str], chance: int
) -> None:
    """Reading ends in settings or in sentences, and so does checking: neither in a traceback, nor ever not at all."""
    file_format, text = seed
    generator = random.Random(chance)
    for mutation in mutations:
        text = MUTATIONS[mutation](generator, text)
    note(repr(text))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"a.{file_format}"
    path.write_bytes(text)
    try:
        load([f"--{file_format}", str(path)], {"HOME": "/home/ada"})
    except (ConfigError, Exit):
        pass
    checked = check._checked(str(path), (), with_app=False, here=False)
    assert "\n".join(check.lines(checked))
    assert check.as_object(checked)["summary"]
