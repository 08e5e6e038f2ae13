"""Serving what the command line says: when a fallback is a way out."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.cli import serve
from uncork.config.argv import parse_arguments
from uncork.config.settings import Settings
from uncork.errors import AppLoadError, UncorkError
from uncork.system.program import SERVER


class ReplacedError(Exception):
    """Another program runs in place of this one."""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The command lines of programs that took the place of this one."""
    seen: list[list[str]] = []

    def execve(program: str, command: list[str], environ: dict[str, str]) -> None:
        assert program == SERVER[0]
        assert environ["UNCORK_FALLBACK"] == "good.ini"
        seen.append(command)
        raise ReplacedError

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.chdir(tmp_path)
    return seen


def ending(monkeypatch: pytest.MonkeyPatch, end: Callable[[], int], *, answers: bool) -> None:
    """Let servers end so, after they have answered or before."""

    def fake(_settings: Settings, _again: Callable[[], Settings], ready: Callable[[], None]) -> int:
        if answers:
            ready()
        return end()

    monkeypatch.setattr(serve, "serve", fake)


def no_app() -> int:
    """The exit status of a server without its app."""
    return AppLoadError.exit_code


def failure() -> int:
    """What a server cannot go on with."""
    raise UncorkError("no more memory")


ARGUMENTS = parse_arguments(["--socket", ":0", "--module", "app", "--fallback-config", "good.ini"])


@pytest.mark.parametrize("end", [no_app, failure])
def test_a_start_that_fails_falls_back(
    monkeypatch: pytest.MonkeyPatch, commands: list[list[str]], end: Callable[[], int]
) -> None:
    """The server begins anew, without the directory of the project on the path of its own modules."""
    ending(monkeypatch, end, answers=False)
    with pytest.raises(ReplacedError):
        serve.configured(ARGUMENTS)
    assert commands == [[*SERVER, "good.ini"]]
    assert "-P" in SERVER


def test_a_server_that_has_answered_does_not_fall_back(
    monkeypatch: pytest.MonkeyPatch, commands: list[list[str]]
) -> None:
    """What goes wrong later has another cause than the configuration."""
    ending(monkeypatch, no_app, answers=True)
    assert serve.configured(ARGUMENTS) == AppLoadError.exit_code
    ending(monkeypatch, failure, answers=True)
    with pytest.raises(UncorkError, match="no more memory"):
        serve.configured(ARGUMENTS)
    assert commands == []


def test_another_end_does_not_fall_back(monkeypatch: pytest.MonkeyPatch, commands: list[list[str]]) -> None:
    """A server that was stopped while it started is not started anew."""
    ending(monkeypatch, lambda: 0, answers=False)
    assert serve.configured(ARGUMENTS) == 0
    assert commands == []
