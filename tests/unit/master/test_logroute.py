"""What becomes of a line: who gets it, in which form, and which alarms it raises."""

import os
import time
from collections.abc import Callable, Sequence

import pytest

from uncork.master.logroute import LEFT_OUT, LOOK, PERIOD, TURN, Expression, Router, Sieve
from uncork.system.process import fork
from uncork.system.timelimit import TimeLimit

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


class Sink:
    """Takes lines."""

    def __init__(self) -> None:
        self.text = b""
        self.puts = 0
        self.reserve = 0

    def put(self, lines: bytes, reserve: int = 0) -> None:
        """Write whole lines."""
        assert lines.endswith(b"\n")
        self.text += lines
        self.puts += 1
        self.reserve = reserve


class Log:
    """A router with two usual destinations and two that only routes lead to."""

    def __init__(
        self,
        *,
        alarms: Sequence[tuple[str, tuple[str, ...]]] = (),
        drains: Sequence[str] = (),
        filters: Sequence[str] = (),
        routes: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.plain, self.again = Sink(), Sink()
        self.named = {"a": [Sink()], "b": [Sink()], "nobody": []}
        self.raised: list[tuple[tuple[str, ...], bytes]] = []
        self.complaints: list[str] = []
        self.now = 100.0
        self.router = Router([self.plain, self.again], lambda names, line: self.raised.append((names, line)))
        self.sieve = Sieve[Sink](
            [(Expression("log-alarm", pattern), names) for pattern, names in alarms],
            [Expression("log-drain", pattern) for pattern in drains],
            [Expression("log-filter", pattern) for pattern in filters],
            [(Expression("log-route", pattern), self.named[name]) for pattern, name in routes],
            TimeLimit(),
            self._complain,
            lambda: self.now,
        )
        self.router.set(self.sieve, {})

    def _complain(self, text: str) -> None:
        self.complaints.append(text.split(" takes", maxsplit=1)[0].removeprefix("[uwsgi-alarm] "))
        self.router.tell(b"told\n", 7)

    def turn(self) -> None:
        """It is time for what waits."""
        self.now = max(self.now, self.router.resume_at)
        self.router.resume()

    def until_all_is_passed_on(self) -> float:
        """The most processor time that one turn has taken."""
        longest = 0.0
        turns = 0
        while self.router.resume_at:
            began = time.process_time()
            self.turn()
            longest = max(longest, time.process_time() - began)
            turns += 1
            assert turns < 1000
        return longest

    def texts(self) -> tuple[bytes, bytes, bytes]:
        """What the usual ones have, which is the same, and what the named ones have."""
        assert self.plain.text == self.again.text
        return self.plain.text, self.named["a"][0].text, self.named["b"][0].text


def in_child(act: Callable[[], None]) -> None:
    """Run `act` where signals are its own.  Fails if it raises."""

    def main() -> int:
        act()
        return 0

    _, status = os.waitpid(fork(main), 0)
    assert status == 0


@pytest.mark.parametrize(
    ("rules", "lines", "texts"),
    [
        ({}, b"one\ntwo\n", (b"one\ntwo\n", b"", b"")),
        ({"drains": ["wo$", "thr"]}, b"one\ntwo\nthree\n", (b"one\n", b"", b"")),
        ({"filters": ["^o", "ee"]}, b"one\ntwo\nthree\n", (b"one\nthree\n", b"", b"")),
        ({"routes": [("two", "a")]}, b"one\ntwo\n", (b"one\n", b"two\n", b"")),
        ({"routes": [("t", "a"), ("two", "b")]}, b"two\nthree\n", (b"", b"two\nthree\n", b"two\n")),
        ({"routes": [("t", "a"), ("two", "a")]}, b"two\n", (b"", b"two\n", b"")),
        ({"routes": [("two", "nobody")]}, b"two\n", (b"two\n", b"", b"")),
        ({"drains": ["two"], "routes": [("two", "a")]}, b"two\n", (b"", b"", b"")),
        ({"filters": ["one"], "routes": [("two", "a")]}, b"one\ntwo\n", (b"one\n", b"", b"")),
        ({"drains": [".*two"]}, b"one two\n\n", (b"\n", b"", b"")),
        ({"drains": ["ü"]}, "grün\ngrun\n".encode(), (b"grun\n", b"", b"")),
        ({"drains": ["x"]}, b"\xff\xfe\rx\n\xff\n", (b"\xff\n", b"", b"")),
        ({"drains": [r"(?<name>a)b"]}, b"ab\nb\n", (b"b\n", b"", b"")),
    ],
)
def test_rules(rules: dict[str, Sequence[str]], lines: bytes, texts: tuple[bytes, ...]) -> None:
    """log-drain, log-filter and log-route as in uWSGI; whatever bytes a line holds."""

    def act() -> None:
        log = Log(**rules)  # type: ignore[arg-type]
        log.router.put(lines)
        assert log.texts() == texts

    in_child(act)


def test_lines_travel_together() -> None:
    """Rules cost no write for each line, and what the master says of itself has its reserve."""

    def act() -> None:
        log = Log(drains=["never"])
        log.router.put(b"x\n" * 1000, reserve=7)
        assert (log.plain.puts, log.plain.reserve) == (1, 7)
        assert log.plain.text == b"x\n" * 1000

    in_child(act)


def test_without_rules_lines_pass_as_they_are() -> None:
    """Most servers have none."""
    sink = Sink()
    router = Router([sink])
    router.put(b"one\ntwo\n", reserve=3)
    assert (sink.text, sink.reserve) == (b"one\ntwo\n", 3)


def test_each_destination_has_its_form() -> None:
    """Encoders are of a destination, not of a line."""
    plain, other = Sink(), Sink()
    router = Router([plain, other])
    router.set(None, {other: lambda line: b">" + line})
    router.put(b"one\ntwo\n")
    router.tell(b"a\rb\nc\n")
    assert (plain.text, other.text) == (b"one\ntwo\na\rb\nc\n", b">one\n>two\n>a\rb\n>c\n")


ALARMS = [("one", ("a",)), ("t", ()), ("e", ("b", "c"))]


@pytest.mark.parametrize(
    ("lines", "heard", "raised"),
    [
        (b"one\n", True, [(("a", "b", "c"), b"one\n")]),
        (b"three\nseven\n", True, [(("b", "c"), b"seven\n")]),
        (b"one\n", False, []),
        (b"[uwsgi-alarm] one\n", True, []),
        (b"o\n", True, []),
    ],
)
def test_alarms(lines: bytes, heard: bool, raised: list[object]) -> None:
    """In order: a rule without a name ends the search; no line about alarms raises one."""

    def act() -> None:
        log = Log(alarms=ALARMS)
        log.router.put(lines, heard=heard)
        assert log.raised == raised
        assert log.plain.text == lines

    in_child(act)


def test_a_line_that_is_left_out_raises_its_alarms() -> None:
    """uWSGI's order: alarms first."""

    def act() -> None:
        log = Log(alarms=[("x", ("a",))], drains=["x"])
        log.router.put(b"x\n")
        assert log.raised == [(("a",), b"x\n")]
        assert log.texts() == (b"", b"", b"")

    in_child(act)


# Takes years: each a more doubles it.
ENDLESS = "(a+)+$"
HOSTILE = b"a" * 60 + b"b\n"


def test_an_expression_without_end_is_left_out() -> None:
    """It is told once, the line goes its way, and the other rules count on."""

    def act() -> None:
        log = Log(drains=[ENDLESS, "drained"], alarms=[("(a|aa)+$", ("x",))])
        log.router.put(HOSTILE + HOSTILE + b"drained\n" + HOSTILE)
        log.until_all_is_passed_on()
        assert log.texts()[0] == b"told\ntold\n" + HOSTILE * 3
        assert log.complaints == ["log-alarm = (a|aa)+$", f"log-drain = {ENDLESS}"]

    in_child(act)


def test_a_filter_that_is_left_out_keeps_nothing_back() -> None:
    """Neither the lines behind it, nor the word about it; one that works still does its part."""

    def act() -> None:
        log = Log(filters=[ENDLESS])
        log.router.put(b"before\n" + HOSTILE + b"after\n")
        log.until_all_is_passed_on()
        assert log.texts()[0] == b"told\n" + HOSTILE + b"after\n"
        log = Log(filters=[ENDLESS, "^worker"])
        log.router.put(b"before\n" + HOSTILE + b"after\nworker\n")
        log.until_all_is_passed_on()
        assert log.texts()[0] == b"told\nworker\n"

    in_child(act)


def test_it_comes_back() -> None:
    """Whoever can write a line must not switch an alarm off for good."""

    def act() -> None:
        log = Log(alarms=[(ENDLESS, ("x",))])
        log.router.put(HOSTILE)
        log.until_all_is_passed_on()
        log.now += LEFT_OUT - PERIOD - 0.1
        log.router.put(b"baa\n")
        assert log.raised == []
        log.now += PERIOD + 0.2
        log.router.put(b"caa\n")
        assert log.raised == [(("x",), b"caa\n")]

    in_child(act)


def test_many_lines_that_take_milliseconds_hold_up_nothing() -> None:
    """Each of them is quick enough, and all together would take half a minute."""

    def act() -> None:
        expression, line = Expression("log-drain", ENDLESS), ""
        began = ended = 0.0
        while ended - began < 0.01:
            line += "a"
            began = time.process_time()
            expression.finds(line + "b")
            ended = time.process_time()
        lines = f"{line}b\n".encode() * 1500
        log = Log(drains=["x", ENDLESS, "y"])
        began = time.process_time()
        log.router.put(lines)
        first = time.process_time() - began
        assert log.router.resume_at == log.now + PERIOD
        assert max(first, log.until_all_is_passed_on()) < 20 * TURN
        assert log.complaints == [f"log-drain = {ENDLESS}"]
        assert log.texts()[0].replace(b"told\n", b"") == lines

    in_child(act)


class Scripted(TimeLimit):
    """Time passes as expressions say."""

    step: Callable[[], None]

    def run(self, act: Callable[[], None], step: Callable[[], None]) -> None:
        self.step = step
        act()


class Costly(Expression):
    """Takes so many steps to find nothing."""

    def __init__(self, name: str, limit: Scripted, steps: int) -> None:
        super().__init__("log-drain", name)
        self.limit = limit
        self.steps = steps

    def finds(self, text: str) -> bool:
        for _ in range(self.steps):
            self.limit.step()
        return False


def test_the_one_that_cost_most_is_blamed() -> None:
    """And not the one that looks at a line when the time is over: both are left out else, one after the other."""
    limit, complaints = Scripted(), list[str]()
    drains = [Costly("quick", limit, 0), Costly("slow", limit, 6), Costly("less", limit, 5)]
    sieve = Sieve[Sink]([], drains, [], [], limit, complaints.append)
    assert sieve.judge([b"x"], True) == []
    sieve.blame()
    sieve.blame()
    assert [complaint.split(" takes")[0] for complaint in complaints] == ["[uwsgi-alarm] log-drain = slow"]
    assert sieve.judge([b"x"], True) == []
    sieve.renew()
    assert len(sieve.judge([b"x", b"y"], True)) == 1


def test_a_flood_of_lines_is_nobodys_fault() -> None:
    """More than there is time for in one turn: they wait, none is lost, and no rule is left out."""

    def act() -> None:
        log = Log(drains=["never"])
        lines = b"".join(b"line %d\n" % number for number in range(1000))
        turns = 0
        while not log.router.resume_at:
            log.router.put(lines)
            turns += 1
            assert turns < 10_000
        log.router.put(b"mine\n", reserve=7)
        log.until_all_is_passed_on()
        assert log.texts()[0] == lines * turns + b"mine\n"
        assert log.complaints == []

    in_child(act)


def test_in_the_end_nobody_waits() -> None:
    """The master has nothing else to do: it need not be time."""

    def act() -> None:
        log = Log(drains=[ENDLESS])
        log.router.put(HOSTILE)
        assert log.router.resume_at
        for _ in range(10):
            log.router.hurry()
        assert not log.router.resume_at
        assert log.texts()[0].endswith(HOSTILE)

    in_child(act)


def test_a_reload_without_rules_passes_on_what_waits() -> None:
    """In order."""

    def act() -> None:
        log = Log(drains=[ENDLESS])
        log.router.put(HOSTILE + b"two\n")
        log.router.set(None, {})
        log.router.put(b"three\n")
        log.turn()
        log.router.put(b"four\n")
        assert log.texts()[0].endswith(HOSTILE + b"two\nthree\nfour\n")

    in_child(act)


def test_only_the_beginning_of_a_line_is_looked_at() -> None:
    """However long it is, it costs what a long line costs."""

    def act() -> None:
        log = Log(drains=["end"])
        log.router.put(b"x" * LOOK + b"end\n" + b"x" * (LOOK - 3) + b"end\n")
        assert log.texts()[0] == b"x" * LOOK + b"end\n"

    in_child(act)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (".*DANGER.*", "some DANGER", True),
        (".*.*x", "y", False),
        (".*", "", True),
        (".*?x", "yx", True),
        (".*|x", "y", True),
        (".*+x", "yx", False),
    ],
)
def test_looking_for_anything_first_changes_nothing(pattern: str, text: str, found: bool) -> None:
    """People write it as if the whole line had to match."""
    assert Expression("x", pattern).finds(text) == found


def test_looking_for_anything_first_costs_nothing() -> None:
    """The time of a long line, and not its square: 100 lines in less than one would take otherwise."""
    text = "abc def " * (LOOK // 8)
    expression = Expression("x", ".*DANGER")
    began = time.process_time()
    for _ in range(100):
        assert not expression.finds(text)
    assert time.process_time() - began < 0.3
