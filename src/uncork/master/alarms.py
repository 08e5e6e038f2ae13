"""Raise alarms: remember which message was sent when, and run what tells somebody.

    Recent                              pure: was this said a moment ago?
    AlarmBell                           who is told, by few programs at a time; what waits is bounded
    Tripwires                           descriptors that raise an alarm when they can be read

Runs in: master.  Must not: wait for whoever is told, or raise an alarm by what an alarm does.
"""

import json
import os
import select
import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from uncork.config.options.alarms import MODULES, Alarm, Watched, curl_request
from uncork.config.settings import Settings
from uncork.master.errands import Errands
from uncork.master.slots import Generation
from uncork.supervise.exits import Exit
from uncork.system.command import shell

# So many are told at a time, and so many messages wait meanwhile; what comes on top of them is dropped.
MOST_RUNNING = 4
MOST_WAITING = 64
# Seconds until whoever tells somebody is killed.
LONGEST = 30.0
# Messages that are remembered for each alarm: who writes more different ones within alarm-freq may hear some twice.
REMEMBERED = 64
# After so many seconds a descriptor is looked at again: one that can always be read must not keep the master busy.
REST = 0.5

# What sends a message to a URL, in a process of its own: a client is too slow, and too large, for the master.  Whom it
# tells stands in front of the message: everybody may read the words of a process.
_CLIENT = """
import http.client, json, sys, urllib.request
url, method, timeout = json.loads(sys.stdin.buffer.readline())
try:
    message = sys.stdin.buffer.read()
    request = urllib.request.Request(url, message, {"Content-Type": "text/plain"}, method=method)
    urllib.request.urlopen(request, timeout=float(timeout)).close()
except OSError as error:
    sys.exit(str(error))
except (ValueError, http.client.HTTPException) as error:
    sys.exit(type(error).__name__)
"""


class Recent:
    """The messages that were sent within the last `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sent: dict[bytes, float] = {}

    def admits(self, message: bytes, now: float) -> bool:
        """Whether `message` was not sent lately; it counts as sent then."""
        if now - self._sent.get(message, now - self._seconds) < self._seconds:
            return False
        self._sent.pop(message, None)
        self._sent[message] = now
        if len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]
        return True


class AlarmBell:
    """Raises the alarms of the settings; `note` writes a line of the server's own that raises none."""

    def __init__(
        self, settings: Settings, selector: selectors.BaseSelector, errands: Errands, note: Callable[[str], None]
    ) -> None:
        self._errands = errands
        self._note = note
        self._waiting: deque[tuple[Alarm, bytes]] = deque()
        self._running = 0
        self._dropped = 0
        self._alarms: dict[str, list[tuple[Alarm, Recent]]] = {}
        self._options = settings.alarms
        self._tripwires = Tripwires(selector, self.ring, note)
        if self._options.alarm_list:
            note("\n".join(("*** uWSGI loaded alarms ***", *MODULES, "--- end of alarms list ---")))

    def set(self, settings: Settings) -> None:
        """Take over the settings of a generation."""
        self._options = settings.alarms
        self._alarms = {}
        for alarm in self._options.alarm:
            recent = Recent(self._options.alarm_freq)
            if not alarm.silent:
                self._alarms.setdefault(alarm.name, []).append((alarm, recent))
        self._tripwires.set(self._options.alarm_fd)

    # ---- what raises one ---------------------------------------------------------------------------------------------

    def ring(self, names: Sequence[str], message: bytes) -> None:
        """Raise these alarms; unknown ones are none."""
        message = message.rstrip(b"\n")[: self._options.alarm_msg_size]
        now = time.monotonic()
        for name in dict.fromkeys(names):
            for alarm, recent in self._alarms.get(name, ()):
                if recent.admits(message, now):
                    self._wait(alarm, message)

    def queue_full(self, text: str) -> None:
        """A listen queue is full, as this line of the log says."""
        self.ring(self._options.alarm_backlog, text.removeprefix("*** uWSGI ").removesuffix(" ***").encode())

    def child_ended(self, pid: int, end: Exit, generations: Mapping[int, Generation]) -> None:
        """A child has ended, which may be a worker, and of a segmentation fault."""
        if end.signal == signal.SIGSEGV and self._options.alarm_segfault:
            for generation in generations.values():
                for worker in generation.workers.values():
                    if worker.pid == pid:
                        self.ring(
                            self._options.alarm_segfault, f"worker {worker.wid} (pid: {pid}) died, {end}".encode()
                        )

    def _wait(self, alarm: Alarm, message: bytes) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append((alarm, message))
            return
        self._dropped += 1

    # ---- what is done ------------------------------------------------------------------------------------------------

    def next_time(self) -> float | None:
        """See Part."""
        # What was raised in the middle of something else is done by itself, and at once.
        at = time.monotonic() if self._waiting and self._running < MOST_RUNNING else None
        return min((moment for moment in (at, self._tripwires.next_time()) if moment is not None), default=None)

    def tick(self, now: float) -> None:
        """See Part."""
        self._tripwires.tick(now)
        while self._waiting and self._running < MOST_RUNNING:
            self._tell(*self._waiting.popleft())
        if self._dropped and not self._waiting:
            self._note(f"[uwsgi-alarm] {self._dropped} alarms were dropped: too many at a time")
            self._dropped = 0

    def _tell(self, alarm: Alarm, message: bytes) -> None:
        if alarm.module == "log":
            said = message.decode("utf-8", "backslashreplace")
            self._note(f"ALARM: {alarm.argument} {said}" if alarm.argument else f"ALARM: {said}")
            return

        def ended(end: Exit) -> None:
            self._running -= 1
            if end != Exit(0, 0):
                self._note(f"[uwsgi-alarm] {alarm.name}: what tells of it {end}")

        def overdue() -> None:
            self._note(f"[uwsgi-alarm] {alarm.name}: what tells of it takes more than {LONGEST:g} seconds")

        words, text = program(alarm, message)
        try:
            pid = self._errands.start(words, ended, limit=LONGEST, overdue=overdue, text=text, private=True)
        except OSError as error:
            self._note(f"[uwsgi-alarm] {alarm.name}: nobody can be told: {str(error.strerror).lower()}")
            return
        self._running += pid is not None


def program(alarm: Alarm, message: bytes) -> tuple[Sequence[str], bytes]:
    """The words of the program that tells somebody, and what it reads."""
    message += b"\n"
    if alarm.module == "cmd":
        return shell(alarm.argument), message
    request = curl_request(alarm.argument)
    # libcurl uploads unless told otherwise (CURLOPT_UPLOAD), which is a PUT.
    address = (request["url"], request.get("method", "PUT"), request.get("timeout", f"{LONGEST:g}"))
    return (sys.executable, "-I", "-c", _CLIENT), json.dumps(address).encode() + b"\n" + message


class Tripwires:
    """Watches the descriptors of option `alarm-fd`; `ring` is told (names, message)."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        ring: Callable[[Sequence[str], bytes], None],
        note: Callable[[str], None],
    ) -> None:
        self._selector = selector
        self._ring = ring
        self._note = note
        self._watched: tuple[Watched, ...] = ()
        # When to look again; 0.0 for those that the selector watches.
        self._rests: dict[Watched, float] = {}

    def set(self, watched: tuple[Watched, ...]) -> None:
        """Watch these from now on."""
        if watched == self._watched:
            return
        for wire, rests in self._rests.items():
            if not rests:
                self._selector.unregister(wire.fd)
        self._watched, self._rests = watched, {}
        for wire in watched:
            self._watch(wire)

    def _watch(self, wire: Watched) -> None:
        try:
            # Ours are all closed on exec (PEP 446): one that is not was there before us.
            why = "" if os.get_inheritable(wire.fd) else "the server was not started with it"
            if not why:
                self._selector.register(wire.fd, selectors.EVENT_READ, partial(self._heard, wire))
        except OSError as error:
            why = str(error.strerror).lower()
        except KeyError:
            why = "it is watched already"
        if why:
            self._note(f"[uwsgi-alarm] fd {wire.fd} cannot be watched: {why}")
            return
        self._rests[wire] = 0.0
        self._note(f"[uwsgi-alarm] added fd {wire.fd}")

    def _heard(self, wire: Watched) -> None:
        self._selector.unregister(wire.fd)
        self._rests[wire] = time.monotonic() + REST
        # It may block, and must go on to: others share its flags, such as the shell those of its terminal.
        poll = select.poll()
        poll.register(wire.fd, select.POLLIN)
        if not poll.poll(0):
            return  # somebody else has read it
        try:
            data = os.read(wire.fd, wire.size)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._ring((wire.name,), wire.message.encode("utf-8", "surrogateescape"))
        else:
            del self._rests[wire]
            self._note(f"[uwsgi-alarm] fd {wire.fd} is watched no more: nothing will come")

    def next_time(self) -> float | None:
        """See Part."""
        return min((rests for rests in self._rests.values() if rests), default=None)

    def tick(self, now: float) -> None:
        """See Part."""
        for wire, rests in self._rests.items():
            if rests and now >= rests:
                self._rests[wire] = 0.0
                self._selector.register(wire.fd, selectors.EVENT_READ, partial(self._heard, wire))
