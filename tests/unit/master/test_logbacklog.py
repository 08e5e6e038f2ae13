"""Lines on their way: whole, in bounded memory, every loss counted and told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.master.logbacklog import Backlog, Lines

WHY = "nobody read them"


@pytest.mark.parametrize(
    ("fed", "given"),
    [
        ([b"one\n"], [b"one\n"]),
        ([b"one\ntwo\n"], [b"one\ntwo\n"]),
        ([b"o", b"ne", b"\n"], [b"", b"", b"one\n"]),
        ([b"one\nt", b"wo\n"], [b"one\n", b"two\n"]),
        ([b"\n\n"], [b"\n\n"]),
        ([b""], [b""]),
        ([b"01234567"], [b""]),
        ([b"0123456789"], [b"0123456789\n"]),
        ([b"one\n0123456789ab", b"c\n"], [b"one\n0123456789ab\n", b"c\n"]),
    ],
)
def test_lines_are_put_together(fed: list[bytes], given: list[bytes]) -> None:
    """Whatever pieces they came in; what is longer than the limit (10 here) goes on in the next line."""
    lines = Lines(10)

    assert [lines.feed(data) for data in fed] == given


def test_a_line_without_an_end_is_a_line_in_the_end() -> None:
    """The server stops, and nothing more will come."""
    lines = Lines()

    assert lines.feed(b"one\ntw") == b"one\n"
    assert lines.flush() == b"tw\n"
    assert lines.flush() == b""


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_no_byte_is_lost_between_lines(pieces: list[bytes]) -> None:
    """The same bytes in the same order, and only whole lines at any time."""
    lines = Lines(1000)
    passed = [lines.feed(piece) for piece in pieces]

    assert all(not piece or piece.endswith(b"\n") for piece in passed)
    assert (b"".join(passed) + lines.flush()).removesuffix(b"\n") == b"".join(pieces).removesuffix(b"\n")


def everything(backlog: Backlog, step: int = 1000) -> bytes:
    """All that comes out, `step` bytes at a time."""
    taken = b""
    while backlog.size:
        data, start = backlog.head()
        piece = data[start : start + step]
        taken += piece
        backlog.advance(len(piece), WHY)
    return taken


@pytest.mark.parametrize(
    ("added", "kept", "dropped"),
    [
        ([b"one\n", b"two\n"], b"one\ntwo\n", 0),
        ([b"123456789\n"], b"123456789\n", 0),
        ([b"1234567890\n"], b"", 1),
        ([b"12345\n", b"123\n"], b"12345\n123\n", 0),
        ([b"12345\n", b"1234\n", b"1\n"], b"12345\n", 2),
        ([b"1\n2\n3\n4\n5\n6\n7\n"], b"1\n2\n3\n4\n5\n", 2),
        ([b"12345\n", b"1\n1234\n"], b"12345\n1\n", 1),
    ],
)
def test_what_does_not_fit_is_dropped_by_the_line(added: list[bytes], kept: bytes, dropped: int) -> None:
    """Ten bytes here; the oldest lines are kept, and none of them is cut."""
    backlog = Backlog(10)
    for lines in added:
        backlog.add(lines)

    assert backlog.dropped == dropped
    assert backlog.size == len(kept)
    notice = f"{dropped} log lines lost: {WHY}\n".encode() if dropped else b""
    assert everything(backlog, 3) == kept + notice if kept else True


def test_while_lines_are_missing_none_is_kept() -> None:
    """The notice has to stand where the gap is: not before the destination has taken what came earlier."""
    backlog = Backlog(10)
    backlog.add(b"1234567\n")
    backlog.add(b"lost\n")
    backlog.advance(4, WHY)
    backlog.add(b"too\n")
    backlog.add(b"a\nb\n")
    assert everything(backlog) == b"567\n4 log lines lost: nobody read them\n"
    backlog.add(b"next\n")

    assert everything(backlog) == b"next\n"
    assert backlog.dropped == 4


def test_the_servers_own_lines_have_a_reserve() -> None:
    """They say why the others are missing."""
    backlog = Backlog(10)
    backlog.add(b"123456789\n")
    backlog.add(b"lost\n")
    backlog.add(b"worker died\n", 12)
    backlog.add(b"x\n", 12)

    assert everything(backlog) == b"123456789\nworker died\n2 log lines lost: nobody read them\n"


def test_small_pieces_leave_together() -> None:
    """A reader that comes back costs a write for a pipe full of lines, not one for each."""
    backlog = Backlog()
    for number in range(10):
        backlog.add(b"%d\n" % number)
    backlog.advance(0, WHY)
    data, start = backlog.head()

    assert data[start:] == b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"


def test_what_was_begun_goes_on_where_it_was() -> None:
    """More lines came meanwhile, behind it."""
    backlog = Backlog()
    backlog.add(b"first\n")
    data, start = backlog.head()
    backlog.advance(2, WHY)
    backlog.add(b"second\n")
    data, start = backlog.head()

    assert data[start:].startswith(b"rst\n")
    assert everything(backlog, 1) == b"rst\nsecond\n"


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 40)), max_size=60))
def test_every_line_is_written_or_counted(turns: list[tuple[int, int]]) -> None:
    """Whatever comes and goes: the sum is right, the memory is bounded, lines are whole and in order."""
    backlog = Backlog(50)
    sent = 0
    taken = b""
    for lines, count in turns:
        block = b"".join(b"%d\n" % number for number in range(sent, sent + lines))
        sent += lines
        backlog.add(block)
        assert backlog.size <= 50 or backlog.dropped
        data, start = backlog.head()
        if piece := data[start : start + count]:
            taken += piece
            backlog.advance(len(piece), WHY)
    taken += everything(backlog)
    shown = taken.decode().splitlines()
    numbers = [int(line) for line in shown if line.isdigit()]
    told = sum(int(line.split()[0]) for line in shown if not line.isdigit())

    assert len(numbers) + backlog.dropped == sent
    assert numbers == sorted(numbers)
    assert told == backlog.dropped
