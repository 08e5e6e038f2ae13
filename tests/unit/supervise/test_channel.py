"""The words between the master and a generation, over real sockets."""

import typing
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.supervise.channel import (
    PACKET_SIZE,
    REASON_SIZE,
    Channel,
    Failed,
    Forked,
    ForkFailed,
    ForkWorker,
    Leave,
    Loaded,
    Message,
    Modified,
    Ready,
    ReopenLog,
    Spent,
    Stopped,
    WorkerFailed,
    decode,
    encode,
)

EXAMPLES: list[Message] = [
    Loaded(()),
    Loaded((("", 0), ("/bbb", 12))),
    Failed("ImportError: no module named 'sérver'\n\x00\udcff"),
    Forked(1, 4711),
    Failed("SyntaxError: invalid syntax", ("/srv/app/views.py", "/srv/\udcff\n.py")),
    ForkFailed(2, "resource temporarily unavailable"),
    Ready(3, 4712, (("/bbb", 1),)),
    WorkerFailed(3, 4712, "probe = /: no answer"),
    WorkerFailed(3, 4712, "SyntaxError: invalid syntax", ("/srv/app/views.py",)),
    Stopped(3, 4712),
    Spent(3, 4712, "it has served 1000 requests (max-requests)"),
    Modified("/srv/app/views.py"),
    ForkWorker(4, 2, True),
    ReopenLog(),
    Leave(),
]
NUMBERS = st.integers(0, 2**31)
APPS = st.lists(st.tuples(st.text(), NUMBERS), max_size=5).map(tuple)
FILES = st.lists(st.text(), max_size=5).map(tuple)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Loaded, APPS),
    st.builds(Failed, st.text(), FILES),
    st.builds(Forked, NUMBERS, NUMBERS),
    st.builds(ForkFailed, NUMBERS, st.text()),
    st.builds(Ready, NUMBERS, NUMBERS, APPS),
    st.builds(WorkerFailed, NUMBERS, NUMBERS, st.text(), FILES),
    st.builds(Spent, NUMBERS, NUMBERS, st.text()),
    st.builds(Stopped, NUMBERS, NUMBERS),
    st.builds(Modified, st.text()),
    st.builds(ForkWorker, NUMBERS, NUMBERS, st.booleans()),
)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    """(the master's end, the generation's end)."""
    ours, theirs = Channel.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_examples_are_complete() -> None:
    """Every kind of message is tried below."""
    assert {type(message) for message in EXAMPLES} == set(typing.get_args(Message))


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_message_crosses(pair: tuple[Channel, Channel], message: Message) -> None:
    """A message arrives as it was sent, either way, with its type."""
    ours, theirs = pair
    for sender, receiver in ((ours, theirs), (theirs, ours)):
        assert sender.send(message)
        received = receiver.receive()
        assert received == message
        assert type(received) is type(message)


@given(MESSAGES)
def test_decode_undoes_encode(message: Message) -> None:
    """Whatever a message holds, decoding gives it back."""
    assert decode(encode(message)) == message


def test_messages_keep_their_borders_and_their_order(pair: tuple[Channel, Channel]) -> None:
    """Messages that were sent before anybody listened arrive one by one, first come first."""
    ours, theirs = pair
    assert all(theirs.send(message) for message in EXAMPLES)
    assert [ours.receive() for _ in EXAMPLES] == EXAMPLES


def test_nothing_to_hear_yet(pair: tuple[Channel, Channel]) -> None:
    """The master never waits for a message."""
    with pytest.raises(BlockingIOError):
        pair[0].receive()


def test_end_is_heard_on_both_sides() -> None:
    """When one side is gone, the other hears what was said before, then the end; what it says is for nobody."""
    ours, theirs = Channel.pair()
    theirs.send(Ready(1, 2, ()))
    theirs.close()
    assert ours.receive() == Ready(1, 2, ())
    assert ours.receive() is None
    assert ours.receive() is None
    assert ours.send(Leave()) is False
    ours.close()

    ours, theirs = Channel.pair()
    ours.send(ForkWorker(1, 1, False))
    ours.close()
    assert theirs.receive() == ForkWorker(1, 1, False)
    assert theirs.receive() is None
    assert theirs.send(Ready(1, 2, ())) is False
    theirs.close()


def test_end_with_words_unread() -> None:
    """A side that closes without having read all there was is gone like any other."""
    ours, theirs = Channel.pair()
    ours.send(ForkWorker(1, 1, False))
    theirs.close()
    assert ours.receive() is None
    ours.close()


def test_last_words_with_words_unread() -> None:
    """What a side said before it was gone is heard before its end, also when it had not read everything itself."""
    ours, theirs = Channel.pair()
    theirs.send(Failed("no module named server"))
    ours.send(ReopenLog())
    theirs.close()
    received = [ours.receive(), ours.receive()]
    ours.close()
    assert received == [Failed("no module named server"), None]


def test_a_full_queue_is_told(pair: tuple[Channel, Channel]) -> None:
    """A master whose template does not read learns that a message was not sent; all that were sent arrive."""
    ours, theirs = pair
    sent = 0
    while ours.send(ForkWorker(sent, 1, False)):
        sent += 1
    assert sent > 100
    assert [theirs.receive() for _ in range(sent)] == [ForkWorker(number, 1, False) for number in range(sent)]
    assert ours.send(Leave())
    assert theirs.receive() == Leave()


@pytest.mark.parametrize(
    "letter",
    [
        "x",
        "\n",
        "\N{CJK UNIFIED IDEOGRAPH-4E2D}",
        pytest.param("\N{GRINNING FACE}"),
    ],
)
def test_the_longest_reason_arrives(pair: tuple[Channel, Channel], letter: str) -> None:
    """REASON_SIZE characters fit a packet, whatever they are."""
    ours, theirs = pair
    reason = letter * REASON_SIZE
    assert theirs.send(Failed(reason))
    assert ours.receive() == Failed(reason)


@pytest.mark.parametrize(
    "size",
    [
        PACKET_SIZE - 100,
        pytest.param(PACKET_SIZE),
        4 * 1024 * 1024,
    ],
)
def test_a_message_is_whole_or_refused(pair: tuple[Channel, Channel], size: int) -> None:
    """A message too large for a packet is not sent, and the sender is told; it never arrives in part."""
    ours, theirs = pair
    if theirs.send(Failed("x" * size)):
        assert ours.receive() == Failed("x" * size)
    assert theirs.send(Ready(1, 2, ()))
    assert ours.receive() == Ready(1, 2, ())
