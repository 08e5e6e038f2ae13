"""How many workers there are: facts in, numbers out."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.config.load import load
from uncork.config.options.cheaper import ALGORITHMS, first_workers, problems, remarks
from uncork.config.options.cheaper import Cheaper as Options
from uncork.config.settings import Settings
from uncork.master.cheaper import INTERVAL, Cheaper, Decision
from uncork.master.cheaperalgo import Facts, Load

SECOND = 1_000_000


class Server:
    """A server whose workers are ready at once: it ticks, and tells the algorithm how busy it is."""

    def __init__(self, *argv: str, processes: int = 8) -> None:
        options = load(["-p", str(processes), *argv], {}).settings.cheaper
        self.now = 1000.0
        self.cheaper = Cheaper(options, processes, self.now)
        self.requests = 0
        self.worked: dict[int, int] = {}
        self.lines: list[str] = []

    def decide(
        self, busy: int = 0, *, queue: int = 0, asked: int = 0, rss: int = 0, percent: int = 0, starting: int = 0
    ) -> Decision:
        """One second in which the first `busy` workers serve, and each works for `percent` of it."""
        self.now += INTERVAL
        wids = range(1, self.cheaper.workers - starting + 1)
        for wid in wids:
            self.worked[wid] = self.worked.get(wid, 0) + SECOND * percent // 100
        workers = {wid: Load(wid <= busy, self.worked[wid], rss) for wid in wids}
        decision = self.cheaper.tick(self.now, Facts(workers, self.requests, queue, asked))
        assert decision.workers == self.cheaper.workers
        if decision.line:
            self.lines.append(decision.line)
        return decision

    def tick(
        self, busy: int = 0, *, queue: int = 0, asked: int = 0, rss: int = 0, percent: int = 0, starting: int = 0
    ) -> int:
        """How many workers there shall be after such a second."""
        return self.decide(busy, queue=queue, asked=asked, rss=rss, percent=percent, starting=starting).workers

    def ticks(self, seconds: int, percent: int = 0, queue: int = 0) -> list[int]:
        """The numbers after each of so many seconds."""
        return [self.tick(percent=percent, queue=queue) for _ in range(seconds)]

    def changes(self, seconds: int, percent: int = 0, queue: int = 0) -> list[tuple[int, int]]:
        """(second, number) for each time that the number changed, the first second being 1."""
        before, found = self.cheaper.workers, []
        for second, number in enumerate(self.ticks(seconds, percent, queue), 1):
            if number != before:
                found.append((second, number))
                before = number
        return found


# ---- spare -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "busy", "numbers"),
    [
        # Overload has to last longer than three ticks.
        ((), [2, 2, 2, 2, 2], [2, 2, 2, 3, 3]),
        (("--cheaper-overload", "1"), [2, 2, 3, 3, 4, 4, 4], [2, 3, 3, 4, 4, 5, 5]),
        # Several at a time, as far as there are any.
        (("--cheaper-step", "3"), [2, 2, 2, 2, 5], [2, 2, 2, 5, 5]),
        (("--cheaper-step", "9"), [2, 2, 2, 2, 8, 8, 8, 8, 8], [2, 2, 2, 8, 8, 8, 8, 8, 8]),
        # A tick with an idle worker takes one of overload back.
        ((), [2, 2, 2, 1, 2, 2], [2, 2, 2, 2, 2, 3]),
        ((), [2, 2, 1, 2, 1, 2, 1, 2, 1], [2] * 9),
        # One idle worker is how it shall be.
        (("--cheaper-initial", "4"), [3] * 9, [4] * 9),
        # More are too many: one goes in three ticks, down to cheaper.
        (("--cheaper-initial", "5"), [0] * 10, [5, 5, 4, 4, 4, 3, 3, 3, 2, 2]),
        (("--cheaper-initial", "5"), [0] * 20, [5, 5, 4, 4, 4, 3, 3, 3] + [2] * 12),
        # Calm has to last, too.
        (("--cheaper-initial", "5"), [0, 0, 5, 0, 0, 0, 0], [5, 5, 5, 5, 5, 4, 4]),
    ],
)
def test_spare(argv: Sequence[str], busy: Sequence[int], numbers: Sequence[int]) -> None:
    """There is one idle worker: more come when none was for a while, and go when several were."""
    server = Server("--cheaper", "2", *argv)
    assert [server.tick(number) for number in busy] == numbers


def test_spare_counts_those_that_start() -> None:
    """A worker that is not ready yet is one that idles: nobody asks for the next one because of it."""
    server = Server("--cheaper", "2")
    assert [server.tick(2) for _ in range(4)][-1] == 3
    assert [server.tick(2, starting=1) for _ in range(20)] == [3] * 20
    assert [server.tick(3) for _ in range(4)] == [3, 3, 3, 4]


def test_spare_says_why() -> None:
    """Each change is one line with both numbers."""
    server = Server("--cheaper", "1")
    for busy in (1, 1, 1, 1, 0, 0, 0, 0):
        server.tick(busy)
    assert server.lines == [
        "all of 1 workers are busy: 2 workers instead of 1",
        "2 of 2 workers are idle: 1 worker instead of 2",
    ]


@pytest.mark.parametrize("load", [1, 2, 3, 5])
def test_spare_settles(load: int) -> None:
    """A steady load leads to a steady number, from below and from above."""
    for initial in ("2", "8"):
        server = Server("--cheaper", "2", "--cheaper-initial", initial)
        numbers = [server.tick(min(load, server.cheaper.workers)) for _ in range(100)]
        assert numbers[50:] == [max(2, load + 1)] * 50


# ---- backlog and manual ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "queues", "numbers"),
    [
        ((), [4, 4, 99], [3, 4, 5]),
        (("--cheaper-step", "4"), [4, 4], [6, 8]),
        (("--cheaper-overload", "10"), [10, 11], [2, 3]),
        # At the limit nothing changes; below it one goes in three ticks.
        (("--cheaper-initial", "4"), [3] * 9, [4] * 9),
        (("--cheaper-initial", "4"), [0] * 9, [4, 4, 3, 3, 3, 2, 2, 2, 2]),
        (("--cheaper-initial", "4"), [2, 2, 3, 2, 2, 3], [4] * 6),
    ],
)
def test_backlog(argv: Sequence[str], queues: Sequence[int], numbers: Sequence[int]) -> None:
    """More workers come while too many connections wait, and go when few have for a while."""
    server = Server("--cheaper", "2", "--cheaper-algo", "backlog", *argv)
    assert [server.tick(queue=queue) for queue in queues] == numbers


def test_manual() -> None:
    """With manual only the FIFO decides, between cheaper and processes."""
    server = Server("--cheaper", "2", "--cheaper-algo", "manual", processes=5)
    assert [server.tick(8, queue=99) for _ in range(9)] == [2] * 9
    assert [server.tick(asked=asked) for asked in (1, 0, 2, 9, 0, -1, -2, -9, 0)] == [3, 3, 5, 5, 5, 4, 2, 2, 2]
    assert server.lines[0] == "asked for: 3 workers instead of 2"
    assert len(server.lines) == 4


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_fifo_works_with_every_algorithm(algorithm: str) -> None:
    """Plus and minus count at once, whatever the algorithm thinks; nobody asks beyond the bounds."""
    server = Server("--cheaper", "2", "--cheaper-algo", algorithm)
    assert server.tick(asked=3) == 5
    assert server.tick(asked=-2) == 3
    assert server.tick(asked=-5) == 2
    assert server.tick(asked=99) == 8


def test_fifo_without_cheaper() -> None:
    """Without cheaper the number is what processes says."""
    assert Server("--idle", "100").tick(asked=-3) == 8


# ---- busyness --------------------------------------------------------------------------------------------------------


def busyness(*argv: str, initial: int = 2) -> Server:
    """A server that measures every three seconds."""
    return Server("--cheaper", "2", "--cheaper-algo", "busyness", "--cheaper-initial", str(initial), *argv)


@pytest.mark.parametrize(
    ("argv", "percent", "changes"),
    [
        ((), 51, [(4, 3), (7, 4), (10, 5)]),
        ((), 50, []),
        ((), 25, []),
        (("--cheaper-step", "4"), 100, [(4, 6), (7, 8)]),
        (("--cheaper-overload", "5"), 80, [(6, 3), (11, 4)]),
        (("--cheaper-busyness-max", "90"), 80, []),
        (("--cheaper-busyness-max", "90"), 95, [(4, 3), (7, 4), (10, 5)]),
    ],
)
def test_busyness_grows(argv: Sequence[str], percent: int, changes: Sequence[tuple[int, int]]) -> None:
    """More workers come when they were busier than the upper bound for a whole measurement."""
    assert busyness(*argv).changes(12, percent) == changes


@pytest.mark.parametrize(
    ("argv", "percent", "seconds"),
    [
        # Calm for 10 times 3 seconds, found by the measurement after that.
        ((), 10, [31, 61]),
        ((), 24, [31, 61]),
        ((), 25, []),
        (("--cheaper-busyness-multiplier", "2"), 10, [7, 13]),
        (("--cheaper-busyness-min", "5"), 10, []),
        (("--cheaper-busyness-min", "15"), 10, [31, 61]),
    ],
)
def test_busyness_shrinks(argv: Sequence[str], percent: int, seconds: Sequence[int]) -> None:
    """A worker goes after a long calm, the next one after the next; never below cheaper."""
    changes = busyness(*argv, initial=4).changes(100, percent)
    assert [second for second, _ in changes] == seconds
    assert [number for _, number in changes] == [3, 2][: len(seconds)]


def test_busyness_of_long_requests() -> None:
    """A worker cannot be busier than all of the time, and one that begins counts for what it did."""
    server = busyness("--cheaper-busyness-verbose")
    server.ticks(4, percent=300)
    assert server.lines == ["[busyness] 2 workers were busy for 100 % of the time: 3 workers instead of 2"]
    server.ticks(3, percent=30)
    assert server.lines[1:] == ["[busyness] 3 workers were busy for 30 % of the time"]


def test_busyness_after_a_worker_was_replaced() -> None:
    """Counters that begin anew, because a request was cut off or at a reload, are no negative work."""
    server = busyness()
    server.ticks(2, percent=100)
    server.worked = dict.fromkeys(server.worked, 0)
    assert server.ticks(2, percent=100)[-1] == 3


@pytest.mark.parametrize(
    ("between", "second"),
    [
        # 12 seconds of calm, that begin at the first, as they are; with 3 and 6 that do not count; from the last on.
        (0, 13),
        (3, 16),
        (6, 19),
        (9, 25),
    ],
)
def test_busyness_interrupted_calm(between: int, second: int) -> None:
    """Time between the bounds is no calm, and three measurements of it begin the calm anew."""
    server = busyness("--cheaper-busyness-multiplier", "4", initial=3)
    assert server.changes(4) == server.changes(between, percent=40) == []
    assert server.changes(40) == [(second - 4 - between, 2)]


def test_busyness_learns() -> None:
    """Who was ended too early is kept longer the next time; a calm that goes on makes that good again."""
    server = busyness("--cheaper-busyness-multiplier", "2", "--cheaper-busyness-penalty", "3", initial=5)
    assert server.changes(7) == [(7, 4)]
    assert server.changes(3, percent=90) == [(3, 5)]
    # 5 times 3 seconds instead of 2 times, twice, then 4 times.
    assert server.changes(60) == [(15, 4), (30, 3), (42, 2)]


def test_emergency() -> None:
    """A long queue brings workers in the same second, which go sooner than others."""
    server = busyness("--cheaper-busyness-multiplier", "20")
    assert server.ticks(3, percent=40, queue=33) == [2, 2, 2]
    assert server.ticks(2, percent=40, queue=34) == [3, 4]
    assert server.lines[0] == "[busyness] 34 connections wait: 3 workers instead of 2"
    # 3 times 3 seconds each; without an emergency it would be 60.
    (first, _), (second, _) = server.changes(30)
    assert first <= 12
    assert second - first <= 9
    step = busyness("--cheaper-busyness-backlog-step", "3", "--cheaper-busyness-backlog-alert", "5")
    assert step.ticks(3, percent=40, queue=6) == [5, 8, 8]


def test_queue_that_never_empties() -> None:
    """A connection that waits for a minute brings a worker, and another one a minute later."""
    server = busyness("--cheaper-busyness-backlog-nonzero", "10")
    assert server.changes(25, percent=40, queue=1) == [(11, 3), (21, 4)]
    server.ticks(1, percent=40)
    assert server.changes(10, percent=40, queue=1) == []


# ---- memory ----------------------------------------------------------------------------------------------------------


def test_soft_limit() -> None:
    """Over the soft limit nobody is started, by the algorithm or by the FIFO; those who are there stay."""
    server = Server("--cheaper", "2", "--cheaper-rss-limit-soft", "1000")
    assert [server.tick(2, rss=500) for _ in range(9)] == [2] * 9
    assert server.tick(2, rss=500, asked=1) == 2
    assert server.tick(2, rss=499) == 3
    assert server.tick(3, rss=900, asked=-1) == 2


def test_hard_limit() -> None:
    """Over the hard limit one worker goes a second, below cheaper too, but never the last; they come back by need."""
    server = Server("--cheaper", "2", "--cheaper-rss-limit-soft", "500", "--cheaper-rss-limit-hard", "1000")
    assert [server.tick(2, rss=600) for _ in range(4)] == [1, 1, 1, 1]
    assert server.lines == ["all workers together occupy 1200 bytes: 1 worker instead of 2"]
    assert [server.tick(0, rss=400) for _ in range(9)] == [1] * 9
    assert [server.tick(1, rss=400) for _ in range(4)] == [1, 1, 1, 2]
    assert server.tick(asked=-1, rss=1) == 2


# ---- cheap and idle --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "number"),
    [
        ((), 8),
        (("--cheaper-initial", "3"), 8),  # uWSGI does not look at it without cheaper
        (("--cheaper", "2"), 2),
        (("--cheaper", "2", "--cheaper-initial", "5"), 5),
        (("--cheaper", "2", "--cheaper-initial", "1"), 2),
        (("--cheaper", "2", "--cheaper-initial", "9"), 8),
    ],
)
def test_first_workers(argv: Sequence[str], number: int) -> None:
    """So many workers there are at the start; cheap begins with none, and the first connection brings as many."""
    assert Server(*argv).cheaper.workers == number
    server = Server("--cheap", *argv)
    assert [server.tick() for _ in range(3)] == [0, 0, 0]
    assert server.tick(queue=1) == number
    server = Server("--cheap", *argv)
    decision = server.cheaper.wake(server.now)
    assert decision.workers == server.cheaper.workers == number
    assert decision.line.startswith("a connection came: ")


def test_idle() -> None:
    """Nobody for so many seconds ends all workers; a connection brings them, and the time begins anew."""
    server = Server("--idle", "3", processes=2)
    assert server.ticks(5) == [2, 2, 0, 0, 0]
    assert server.lines == [
        "workers have been inactive for more than 3 seconds\ncheap mode enabled: waiting for socket connection..."
    ]
    assert [server.tick(queue=1), *server.ticks(4)] == [2, 2, 2, 0, 0]


def test_not_idle() -> None:
    """A request that was answered, one that runs, a connection that waits and a worker that starts are no idle time."""
    server = Server("--idle", "3", processes=2)
    for _ in range(5):
        server.ticks(2)
        server.requests += 1
        assert server.tick() == 2
    assert [server.tick(1) for _ in range(10)] == [2] * 10
    assert [server.tick(queue=1) for _ in range(10)] == [2] * 10
    assert [server.tick(starting=2) for _ in range(10)] == [2] * 10
    assert server.ticks(3) == [2, 2, 0]


def test_die_on_idle() -> None:
    """With die-on-idle the server stops instead, and says why."""
    server = Server("--idle", "2", "--die-on-idle", processes=2)
    assert not server.decide().stop
    assert server.decide() == Decision(2, "workers have been inactive for more than 2 seconds", stop=True)


def test_go_cheap() -> None:
    """C on the FIFO ends all workers at once, without and with idle; twice is once."""
    server = Server("--cheaper", "2")
    server.tick(asked=3)
    decision = server.cheaper.go_cheap()
    assert decision == Decision(0, "going cheap...\ncheap mode enabled: waiting for socket connection...")
    assert server.cheaper.cheap
    assert server.cheaper.go_cheap() == Decision(0)
    assert server.tick(asked=2) == 0
    assert server.cheaper.wake(server.now).workers == 2
    assert server.cheaper.wake(server.now) == Decision(2)


def test_idle_with_cheaper() -> None:
    """Both together: fewer workers first, then none, then the first ones."""
    server = Server("--cheaper", "1", "--cheaper-initial", "2", "--idle", "5", processes=4)
    assert server.ticks(6) == [2, 2, 1, 1, 0, 0]
    assert server.tick(queue=1) == 2


# ---- time and reloads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "asked"), [((), False), (("--cheaper", "2"), True), (("--idle", "60"), True), (("--cheap",), True)]
)
def test_next_time(argv: Sequence[str], asked: bool) -> None:
    """It wants to be called once a second, and never where no option asks for it."""
    server = Server(*argv)
    assert server.cheaper.next_time() == (1001.0 if asked else None)
    if asked:
        server.tick()
        assert server.cheaper.next_time() == 1002.0


def test_woken_for_good() -> None:
    """A server that begins cheap has nothing to decide once it is awake."""
    server = Server("--cheap")
    server.cheaper.wake(server.now)
    assert server.cheaper.next_time() is None


def test_too_early() -> None:
    """A call before its time decides nothing and counts as no second."""
    cheaper = Cheaper(Options(cheaper=1), 4, 1000.0)
    facts = Facts({1: Load(busy=True)})
    assert [cheaper.tick(1000.0 + n / 10, facts).workers for n in range(10)] == [1] * 10


@pytest.mark.parametrize(
    ("options", "processes", "number"),
    [
        (Options(cheaper=2), 8, 5),
        (Options(cheaper=6), 8, 6),
        (Options(cheaper=2), 4, 4),
        (Options(), 4, 4),
        (Options(), 8, 8),
        (Options(cheaper=2, cheaper_algo="busyness"), 8, 5),
    ],
)
def test_reload(options: Options, processes: int, number: int) -> None:
    """New settings keep the number of workers as far as they allow it; cheap stays cheap."""
    server = Server("--cheaper", "2", "--cheaper-algo", "manual")
    server.tick(asked=3)
    server.cheaper.set(options, processes)
    assert server.cheaper.workers == number
    server.cheaper.go_cheap()
    server.cheaper.set(options, processes)
    assert server.cheaper.workers == 0


@given(
    algorithm=st.sampled_from(ALGORITHMS),
    bounds=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4)),
    seconds=st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([0, 0, 1, 3, 40]), st.integers(0, 100), st.integers(-2, 2)),
        max_size=80,
    ),
)
def test_always_within_bounds(
    algorithm: str, bounds: tuple[int, int, int, int], seconds: list[tuple[int, int, int, int]]
) -> None:
    """Whatever happens there are `cheaper` to `processes` workers, and each change but the FIFO's is a step or one."""
    cheaper, more, step, overload = bounds
    argv = ["--cheaper", str(cheaper), "--cheaper-algo", algorithm, "--cheaper-step", str(step)]
    server = Server(*argv, "--cheaper-overload", str(overload), processes=cheaper + more)
    for busy, queue, percent, asked in seconds:
        before = server.cheaper.workers
        after = server.tick(min(busy, before), queue=queue, percent=percent, asked=asked)
        assert cheaper <= after <= cheaper + more
        if not asked:
            assert -1 <= after - before <= step


# ---- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--cheaper", "3"), []),
        (("--cheaper", "4"), ["--cheaper 4 (expected less than the number of processes, which is 4)"]),
        (("--cheaper", "0"), []),
        (
            ("--cheaper-rss-limit-hard", "5"),
            ["--cheaper-rss-limit-hard 5 (it needs a lower cheaper-rss-limit-soft beside it)"],
        ),
        (
            ("--cheaper-rss-limit-soft", "5", "--cheaper-rss-limit-hard", "5"),
            ["--cheaper-rss-limit-hard 5 (expected more than cheaper-rss-limit-soft, 5)"],
        ),
        (("--cheaper-rss-limit-soft", "5", "--cheaper-rss-limit-hard", "6"), []),
    ],
)
def test_problems(argv: Sequence[str], said: Sequence[str]) -> None:
    """What uWSGI refuses is refused, with what would do."""
    assert list(problems(load(["-p", "4", *argv], {}).settings)) == said


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--cheaper", "2", "--cheaper-initial", "2"), []),
        (("--cheaper", "2", "--cheaper-initial", "4"), []),
        (("--cheaper-initial", "9"), []),
        (
            ("--cheaper", "2", "--cheaper-initial", "9"),
            ["--cheaper-initial 9 (expected 2 to 4: cheaper to processes; taken as 4)"],
        ),
        (
            ("--cheaper", "2", "--cheaper-initial", "1"),
            ["--cheaper-initial 1 (expected 2 to 4: cheaper to processes; taken as 2)"],
        ),
        (
            ("--cheaper-algo", "spare2"),
            ["--cheaper-algo spare2 (expected spare, backlog, busyness, manual; taken as spare)"],
        ),
    ],
)
def test_remarks(argv: Sequence[str], said: Sequence[str]) -> None:
    """What uWSGI takes for something else is taken so, and said."""
    assert list(remarks(load(["-p", "4", *argv], {}).settings)) == said


def test_unknown_algorithm() -> None:
    """An algorithm that nobody knows is spare."""
    server = Server("--cheaper", "2", "--cheaper-algo", "spare2")
    assert [server.tick(2) for _ in range(4)] == [2, 2, 2, 3]


def test_where_it_stands(tmp_path: Path) -> None:
    """A problem names file and line; settings that were made by hand are checked too."""
    ini = tmp_path / "app.ini"
    ini.write_text("[uwsgi]\nprocesses = 4\ncheaper = 4\n")
    (said,) = problems(load(["--ini", str(ini)], {}).settings)
    assert said == f"{ini}:3: cheaper = 4 (expected less than the number of processes, which is 4)"
    (said,) = problems(Settings(cheaper=Options(cheaper=1)))
    assert said == "--cheaper 1 (expected less than the number of processes, which is 1)"


@pytest.mark.parametrize("argv", [("--cheaper", "1"), ("--cheap",), ("--idle", "5")])
def test_starts_a_master(argv: Sequence[str]) -> None:
    """Who wants fewer workers wants somebody who brings them back."""
    assert load(argv, {}).settings.master


def test_first_workers_of_defaults() -> None:
    """Without options all processes run."""
    assert first_workers(Options(), 3) == 3
