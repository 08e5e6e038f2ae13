"""What option `log-encoder` makes of a line, as uWSGI's encoders do (core/logging.c; measured with 2.0.30).

Pure.  A line comes with its break and leaves with one: what no encoder ended gets one.
"""

import json
import re
import time
from collections.abc import Callable, Sequence

from uncork.config.logrules import Encoder

Encode = Callable[[bytes], bytes]
# What `${` begins and nothing ends is left out with all behind it.
_VARIABLE = re.compile(r"\$\{([^}]*)(?:\}|\Z)")


def chain(encoders: Sequence[Encoder], logger: str, clock: Callable[[], float] = time.time) -> Encode | None:
    """What is done to each line for the logger of this name, "" for all that have none; None for nothing."""
    steps = [_step(encoder, clock) for encoder in encoders if encoder.logger in ("", logger)]
    if not steps:
        return None

    def encode(line: bytes) -> bytes:
        for step in steps:
            line = step(line)
        return line if line.endswith(b"\n") else line + b"\n"

    return encode


def _step(encoder: Encoder, clock: Callable[[], float]) -> Encode:
    text = encoder.argument.encode("utf-8", "surrogateescape")
    match encoder.name:
        case "prefix":
            return lambda line: text + line
        case "suffix":
            return lambda line: line + text
        case "nl":
            return lambda line: line + b"\n"
        case "json":
            return _form(encoder.argument, clock, _in_json)
        case _:
            return _form(encoder.argument, clock, _as_it_is)


def _form(text: str, clock: Callable[[], float], written: Callable[[bytes], bytes]) -> Encode:
    # re.split with one group alternates literal text and the names of variables.
    pieces = _VARIABLE.split(text)
    literals = [piece.encode("utf-8", "surrogateescape") for piece in pieces[::2]]
    variables = [_variable(name) for name in pieces[1::2]]

    def encode(line: bytes) -> bytes:
        now = clock()
        values = [written(variable(line, now)) for variable in variables]
        return literals[0] + b"".join(value + literal for value, literal in zip(values, literals[1:], strict=True))

    return encode


def _variable(name: str) -> Callable[[bytes, float], bytes]:
    form = name.removeprefix("strftime:")
    if form != name:
        return lambda _line, now: time.strftime(form, time.localtime(now)).encode("utf-8", "surrogateescape")
    return _VARIABLES.get(name, lambda _line, _now: b"")


_VARIABLES: dict[str, Callable[[bytes, float], bytes]] = {
    "msg": lambda line, _now: line.removesuffix(b"\n"),
    "msgnl": lambda line, _now: line,
    "unix": lambda _line, now: b"%d" % now,
    "micros": lambda _line, now: b"%d" % (now * 1_000_000),
}


def _as_it_is(value: bytes) -> bytes:
    return value


def _in_json(value: bytes) -> bytes:
    """As it stands between the quotes of a JSON string, which is valid whatever the line holds."""
    return json.dumps(value.decode("utf-8", "backslashreplace"), ensure_ascii=False)[1:-1].encode()
