"""The loop's one duty that needs no process: actions are performed in the order in which they were decided."""

from collections import deque

from uncork.master.events import Action, Event, ReadSettings, ReloadEnded, Say, Tick, WorkerNotAsked
from uncork.master.loop import Master


class Script:
    """Stands for the planner: decides what it was told to."""

    stopping = None

    def __init__(self, answers: dict[Event, list[Action]]) -> None:
        self.handle = lambda event, _now: answers[event]


def test_what_an_action_brings_waits_for_the_actions_behind_it() -> None:
    """A failed reload has ended before the one that was asked for meanwhile begins."""
    full = WorkerNotAsked(1, 5)
    performed: list[Action] = []

    class Recorder(Master):
        """Only its order is of interest."""

        def __init__(self) -> None:
            self._planner = Script(  # type: ignore[assignment]
                {Tick(): [Say("fork a worker"), ReloadEnded("it hangs")], full: [ReadSettings()]}
            )
            self._events = deque()

        def _perform(self, action: Action) -> None:
            performed.append(action)
            if action == Say("fork a worker"):
                self._feed(full)

    Recorder()._feed(Tick())

    assert performed == [Say("fork a worker"), ReloadEnded("it hangs"), ReadSettings()]
