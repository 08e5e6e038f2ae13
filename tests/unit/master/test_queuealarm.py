"""The line about a full listen queue."""

from uncork.master.queuealarm import Queue, QueueAlarm

FULL = Queue("127.0.0.1:3031", 3, 100, 100)


def test_a_full_queue_is_said_in_uwsgis_words() -> None:
    """Monitoring greps for them."""
    assert QueueAlarm().lines([FULL], 5.0) == [
        '*** uWSGI listen queue of socket "127.0.0.1:3031" (fd: 3) full !!! (100/100) ***'
    ]


def test_a_queue_with_room_is_not_said() -> None:
    """Nor one whose length nobody knows: unix sockets have none."""
    assert QueueAlarm().lines([Queue("a", 3, 99, 100), Queue("b", 4, 0, 0), Queue("c", 5, 7, 0)], 5.0) == []


def test_each_socket_is_said_once_a_second() -> None:
    """However often the master looks; others are not kept quiet by it."""
    alarm = QueueAlarm()
    other = Queue("other", 4, 101, 100)
    assert len(alarm.lines([FULL], 5.0)) == 1
    assert alarm.lines([FULL], 5.9) == []
    assert len(alarm.lines([FULL, other], 5.9)) == 1
    assert len(alarm.lines([FULL, other], 6.0)) == 1
    assert len(alarm.lines([FULL, other], 7.0)) == 2
