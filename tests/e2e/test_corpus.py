"""Every configuration of the corpus starts with a stub in place of its app, and answers at its own first socket.

`harness.remap` says what of a file is changed for that, and which files start no server by themselves.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import http, uwsgi
from harness.corpus import NO_CORPUS, corpus_files
from harness.remap import NotStartableError, Place, Target, remapped
from harness.server import Server
from uncork.protocol.uwsgi import encode

# Servers that run at the same time: most of a start is waiting for one another.
TOGETHER = 6

NUMBERS = {path: number for number, path in enumerate(corpus_files())}
BATCHES = [corpus_files()[start : start + TOGETHER] for start in range(0, len(corpus_files()), TOGETHER)]


def request(target: Target) -> str:
    """Ask at the first socket; returns what is wrong with the answer, or nothing."""
    if target.http:
        packet = http.encode(uwsgi.variables(target.path, HTTP_CONNECTION="close"))
    else:
        mounted = {"SCRIPT_NAME": target.path, "PATH_INFO": "/"} if target.path != "/" else {}
        packet = encode({**uwsgi.variables(target.path), **mounted}, 0)
    answer = uwsgi.exchange(target.address, packet)
    return "" if answer.code == 200 and answer.body == b"stub\n" else f"at {target}: {answer.raw!r}"


def serve(path: Path, directory: Path) -> str:
    """Start a file and ask it; returns what went wrong, or nothing."""
    directory.mkdir()
    try:
        argv, target = remapped(path, Place(directory, NUMBERS[path]))
    except NotStartableError:
        return ""
    try:
        server = Server(argv, directory, cwd=directory)
    except AssertionError as error:
        return f"{error}\n{logs(directory)}"
    try:
        wrong = request(target)
    except OSError as error:
        wrong = f"at {target}: {error}"
    try:
        return wrong and f"{wrong}\n{server.text()}\n{logs(directory)}"
    finally:
        server.close()


def logs(directory: Path) -> str:
    """What a server wrote into files of its own."""
    return "".join(path.read_text(errors="replace") for kind in ("file", "log") for path in directory.glob(f"{kind}*"))


@pytest.mark.skipif(not corpus_files(), reason=NO_CORPUS)
def test_most_files_start_servers(tmp_path: Path) -> None:
    """The reasons not to start a file are those of few files, or this would be no test of starting."""
    reasons = Counter(reason(path, tmp_path / str(number)) for path, number in NUMBERS.items())
    assert reasons[""] >= 0.7 * reasons.total(), reasons


def reason(path: Path, directory: Path) -> str:
    """Why a file alone starts no server, or nothing."""
    directory.mkdir()
    try:
        remapped(path, Place(directory, NUMBERS[path]))
    except NotStartableError as error:
        return str(error)
    return ""


@pytest.mark.skipif(not corpus_files(), reason=NO_CORPUS)
@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch[0].name)
def test_corpus(batch: list[Path], run: Path) -> None:
    """A real file starts and answers."""
    with ThreadPoolExecutor(len(batch)) as pool:
        wrong = list(pool.map(serve, batch, [run / str(number) for number in range(len(batch))]))
    failed = [f"{path.name}: {text}" for path, text in zip(batch, wrong, strict=True) if text]
    assert not failed, "\n\n".join(failed)
