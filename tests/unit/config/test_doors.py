"""Where requests come in: all the options that name an address, together."""

import pytest

from uncork.config.doors import Door, doors, protocols
from uncork.config.load import load
from uncork.config.options.http import Http
from uncork.config.options.sockets import Sockets
from uncork.config.settings import Settings


def settings(*argv: str) -> Settings:
    """What a command line says."""
    return load(argv, {}).settings


def test_in_the_order_of_the_configuration() -> None:
    """uWSGI numbers sockets as they are given, whatever they speak; equal ones are there as often as they are given."""
    argv = "--http-socket :1 -s :2 --http :3 --http11-socket :4 --uwsgi-socket :5 --httprouter :3 --http-socket :6"
    assert doors(settings(*argv.split())) == [
        Door("http-socket", ":1", "http"),
        Door("socket", ":2", "uwsgi"),
        Door("http", ":3", "http"),
        Door("http", ":3", "http"),
        Door("http11-socket", ":4", "http11"),
        Door("socket", ":5", "uwsgi"),
        Door("http-socket", ":6", "http"),
    ]


def test_without_entries() -> None:
    """Settings that were not read have an order as well."""
    made = Settings(sockets=Sockets(socket=("a", "b")), http=Http(http_socket=(":1",)))
    assert [door.address for door in doors(made)] == ["a", "b", ":1"]
    assert doors(Settings()) == []


@pytest.mark.parametrize("word", ["uwsgi", "http", "http11"])
def test_protocol(word: str) -> None:
    """It is for `socket`, and for what was passed; the others speak what they are named after."""
    asked = settings("--socket", ":1", "--http-socket", ":2", "--protocol", word)
    assert protocols(asked, 4) == [word, "http", word, word]
    assert protocols(asked, 1) == [word]
    assert protocols(Settings(), 2) == ["uwsgi", "uwsgi"]
