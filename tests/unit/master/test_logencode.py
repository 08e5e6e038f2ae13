"""Encoders: what uWSGI 2.0.30 wrote for the same lines, and always whole lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.config.logrules import Encoder
from uncork.master.logencode import chain

NOW = 1_795_244_143.264772


def encoded(line: bytes, *encoders: Encoder, logger: str = "") -> bytes:
    """What becomes of a line."""
    encode = chain(encoders, logger, lambda: NOW)
    return line if encode is None else encode(line)


@pytest.mark.parametrize(
    ("encoders", "out"),
    [
        ([Encoder("prefix", "", "PRE>")], b"PRE>one\n"),
        ([Encoder("suffix", "", "<SUF")], b"one\n<SUF\n"),
        ([Encoder("nl")], b"one\n\n"),
        ([Encoder("format", "", "[${msg}]${msgnl}|")], b"[one]one\n|\n"),
        ([Encoder("format", "", "${unix} ${micros} ${bogus}$x ${")], b"1795244143 1795244143264772 $x \n"),
        ([Encoder("json", "", '{"m":"${msg}","n":"${msgnl}"}')], b'{"m":"one","n":"one\\n"}\n'),
        ([Encoder("json", "", '{"m":"${msg}"}'), Encoder("nl")], b'{"m":"one"}\n'),
        ([Encoder("prefix", "", "PRE>"), Encoder("json", "", "${msg}")], b"PRE>one\n"),
    ],
)
def test_a_line(encoders: list[Encoder], out: bytes) -> None:
    """One encoder after another; uWSGI's own bytes, with a break at the end where it writes none."""
    assert encoded(b"one\n", *encoders) == out


def test_the_time_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """strftime(3), as in uWSGI."""
    import time

    monkeypatch.setattr(time, "localtime", lambda now: time.gmtime(now + 9 * 3600))
    assert encoded(b"x\n", Encoder("format", "", "${strftime:%Y-%m-%d %H:%M}")) == b"2026-11-21 15:55\n"


def test_an_encoder_for_one_logger_is_for_no_other() -> None:
    """Nor for those without a name; one without a logger is for all."""
    encoders = (Encoder("prefix", "named", "a"), Encoder("prefix", "", "b"))
    assert encoded(b"x\n", *encoders) == encoded(b"x\n", *encoders, logger="other") == b"bx\n"
    assert encoded(b"x\n", *encoders, logger="named") == b"bax\n"
    assert chain(encoders[:1], "") is None


@given(st.binary(max_size=100).map(lambda data: data.replace(b"\n", b"") + b"\n"))
def test_json_is_json_whatever_a_line_holds(line: bytes) -> None:
    """Quotes, control characters, bytes that are no UTF-8."""
    out = encoded(line, Encoder("json", "", '{"m": "${msg}"}'))
    assert out.endswith(b"\n")
    assert isinstance(json.loads(out)["m"], str)


def test_text_stays_readable_in_json() -> None:
    """Only what has to is written otherwise."""
    out = encoded('Grüße "x"\\\n'.encode(), Encoder("json", "", "${msg}"))
    assert out == 'Grüße \\"x\\"\\\\\n'.encode()
