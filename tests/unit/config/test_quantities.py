"""Numbers: what a text counts as, what is refused, and what is said of one that looks like more than it is."""

from collections.abc import Mapping

import pytest

from uncork.config.kinds import Kind, MismatchError
from uncork.config.load import load
from uncork.config.quantities import (
    IN_BYTES,
    IN_MEGABYTES,
    IN_MILLISECONDS,
    IN_NOTHING,
    IN_PERCENT,
    IN_SECONDS,
    INT_MAX,
    LONG_MAX,
    Integer,
    Limit,
    Number,
    OptionalInteger,
    Scale,
    SixteenBit,
)
from uncork.config.table import OPTIONS
from unit.config.conftest import Write

ONE = Integer(minimum=1, zero=1)
FEW = Integer(minimum=1, maximum=9, zero=1)
BYTES = Integer(maximum=LONG_MAX, scale=IN_BYTES, unsigned=True)
MEGABYTES = Limit(scale=IN_MEGABYTES, unsigned=True)
SECONDS = Integer(scale=IN_SECONDS)
HEAD = SixteenBit(minimum=1, zero=65535, scale=IN_BYTES)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Integer(), "0", 0),
        (Integer(), "", 0),
        (Integer(), None, 0),
        (Integer(), "  ", 0),
        (Integer(), "off", 0),
        (Integer(), "Yes", 0),
        (Integer(), "99999999999", INT_MAX),
        (Integer(), "9" * 5000, INT_MAX),
        (Integer(maximum=LONG_MAX), str(LONG_MAX), LONG_MAX),
        (Integer(minimum=1), "4 # x", 4),
        (ONE, "0", 1),
        (ONE, "", 1),
        (ONE, "true", 1),
        (ONE, "false", 1),
        (BYTES, "-5", 0),
        (MEGABYTES, "0", None),
        (MEGABYTES, "", None),
        (MEGABYTES, "-1", None),
        (MEGABYTES, "512", 512),
        (HEAD, "0", 65535),
        (HEAD, "-5", 65535),
        (HEAD, "65536", 65535),
        (HEAD, "9" * 50, 65535),
        (HEAD, "32k", 32),
        (OptionalInteger(), None, 1),
        (OptionalInteger(), "", 1),
        (OptionalInteger(), "0", 0),
        (OptionalInteger(), "7", 7),
        (Integer(maximum=9, cut=True), "10", 9),
    ],
)
def test_value(kind: Kind[object], text: str | None, value: object) -> None:
    """The digits in front count, none and the words of flags are 0, and what C cannot hold is cut, as in uWSGI."""
    assert kind.counts(text)
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Integer(), "four", "a whole number of 0 or more"),
        (Integer(), "$(THREADS)", "a whole number of 0 or more"),
        (Integer(), "-1", "a whole number of 0 or more"),
        (ONE, "-1", "a whole number of 1 or more"),
        (ONE, "four", "a whole number of 1 or more"),
        (Integer(minimum=1), "0", "a whole number of 1 or more"),
        (Integer(minimum=1), "", "a whole number of 1 or more"),
        (Integer(minimum=1), "true", "a whole number of 1 or more"),
        (FEW, "10", "a whole number of 9 or less"),
        (MEGABYTES, "much", "a whole number of 0 or more"),
        (HEAD, "x", "a whole number of 1 or more"),
        (OptionalInteger(), "x", "a whole number of 0 or more"),
    ],
)
def test_mismatch(kind: Number[object], text: str, expected: str) -> None:
    """A word is refused, for uWSGI would make 0 of it in silence, and so is what uWSGI refuses; no remark is made."""
    with pytest.raises(MismatchError) as caught:
        kind.parse(text)
    assert caught.value.expected == expected
    assert kind.remark(text) == ""


@pytest.mark.parametrize(
    ("kind", "text", "remark"),
    [
        (Integer(), "4", ""),
        (Integer(), "+4", ""),
        (Integer(), "007", ""),
        (Integer(), " 4 # cores", ""),
        (Integer(), "4;x", ""),
        (Integer(), "", "an empty value counts as 0"),
        (ONE, None, "an empty value counts as 1"),
        (ONE, "true", "expected a whole number of 1 or more; it counts as 1"),
        (ONE, "0", "it counts as 1"),
        (Integer(), "4 cores", "it counts as 4"),
        (Integer(), "4.5", "it counts as 4"),
        (Integer(), "0x10", "it counts as 0"),
        (Integer(), "1e6", "it counts as 1"),
        (Integer(), "5,000", "it counts as 5: write 5000"),
        (Integer(), "5_000_000 # x", "it counts as 5: write 5000000"),
        (Integer(), "5 000", "it counts as 5: write 5000"),
        (Integer(), "5,00", "it counts as 5"),
        (Integer(), "99999999999", f"it counts as {INT_MAX}"),
        (BYTES, "-5", "it counts as 0"),
        (BYTES, "32k", "it counts as 32: write 32768"),
        (BYTES, "2 GB", "it counts as 2: write 2147483648"),
        (BYTES, "100b", ""),
        (BYTES, "5 apples", "it counts as 5 bytes"),
        (HEAD, "64k", "it counts as 64: write 65535"),
        (HEAD, "65536", ""),
        (HEAD, "-5", "it counts as 65535"),
        (MEGABYTES, "0", ""),
        (MEGABYTES, "-1", "it counts as 0, which is no limit"),
        (MEGABYTES, "", "an empty value counts as 0, which is no limit"),
        (MEGABYTES, "512M", ""),
        (MEGABYTES, "512 MiB # x", ""),
        (MEGABYTES, "2G", "it counts as 2: write 2048"),
        (MEGABYTES, "512k", "it counts as 512 megabytes"),
        (SECONDS, "30s", ""),
        (SECONDS, "5m", "it counts as 5: write 300"),
        (SECONDS, "2 hours", "it counts as 2: write 7200"),
        (Integer(scale=IN_MILLISECONDS), "1s", "it counts as 1: write 1000"),
        (Integer(scale=IN_MILLISECONDS), "100ms", ""),
        (Integer(scale=IN_PERCENT), "50%", ""),
        (OptionalInteger(), "", ""),
        (OptionalInteger(), "2x", "it counts as 2"),
    ],
)
def test_remark(kind: Number[object], text: str | None, remark: str) -> None:
    """What a number counts as is said where the whole text looks like another, and only there."""
    assert kind.remark(text) == remark


SCALES: Mapping[str, Scale] = {
    "bytes": IN_BYTES,
    "megabytes": IN_MEGABYTES,
    "MB": IN_MEGABYTES,
    "seconds": IN_SECONDS,
    "milliseconds": IN_MILLISECONDS,
    "%": IN_PERCENT,
}


def test_scales_are_those_of_the_units() -> None:
    """What a remark says to write is right for the unit that the option is documented with."""
    for _, option in OPTIONS:
        if isinstance(option.kind, Number):
            assert option.kind.scale is SCALES.get(option.unit, IN_NOTHING), option.name


def test_zero_is_the_default_or_a_number_that_fits() -> None:
    """What nothing counts as is no surprise: it is a value that could have been written."""
    for _, option in OPTIONS:
        kind = option.kind
        if isinstance(kind, Number) and kind.zero:
            assert kind.minimum <= kind.zero <= kind.maximum, option.name
            assert kind.zero in (kind.minimum, option.default, 65535), option.name


@pytest.mark.parametrize(
    "line",
    [
        *(
            f"{name} = {text}"
            for name in ("limit-as", "max-fd", "limit-nproc", "reload-on-rss", "reload-on-as", "evil-reload-on-rss")
            for text in ("0", "")
        ),
        "log-maxsize = 0",
        "cheaper-rss-limit-soft =",
        "reload-on-rss = -1",
        "limit-as = -1",
        "module =",
        "virtualenv =",
        "wsgi-file =",
        "callable =",
        "pythonpath =",
        "env =",
        "touch-reload =",
        "stats =",
        "log-format =",
        "attach-daemon =",
        "umask =",
        "file-serve-mode =",
        "add-header = x",
    ],
)
def test_as_if_it_were_not_there(line: str, write: Write) -> None:
    """What uWSGI starts with, and makes nothing of, leaves every setting as it is by default."""
    given = load([write("a.ini", f"[uwsgi]\n{line}\n")], {})
    default = load([write("b.ini", "[uwsgi]\nneed-app = true\n")], {})
    groups = [name for name in type(given.settings).__dataclass_fields__ if name != "entries"]
    assert [getattr(given.settings, name) for name in groups] == [getattr(default.settings, name) for name in groups]
    assert bool(given.warnings) is not line.endswith("= 0")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("listen", "0", 0),
        ("threads", "", 1),
        ("processes", "0", 1),
        ("buffer-size", "0", 65535),
        ("max-vars", "", 64),
        ("socket-timeout", "0", 1),
        ("cheaper-step", "0", 1),
        ("cheaper-busyness-max", "0", 50),
        ("py-autoreload", "", 0),
        ("max-requests", "-5", 0),
        ("harakiri", "99999999999", INT_MAX),
        ("log-big", "-1", 0),
        ("post-buffering", "true", 0),
    ],
)
def test_what_nothing_comes_to(name: str, text: str, value: int) -> None:
    """An option whose variable is set to nothing, as in compose files, has a number that works."""
    from uncork.config.table import BY_NAME

    group, option = BY_NAME[name]
    loaded = load([], {f"UWSGI_{name.upper().replace('-', '_')}": text})
    assert getattr(getattr(loaded.settings, group), option.field_name) == value


@pytest.mark.parametrize("name", ["uid", "gid", "socket", "http-socket", "chdir", "logto", "pidfile", "protocol"])
def test_what_uwsgi_needs_a_value_for(name: str) -> None:
    """Without its user a server would stay root: what uWSGI refuses is refused."""
    from uncork.errors import ConfigError

    with pytest.raises(ConfigError, match=f"{name.upper().replace('-', '_')}= .expected"):
        load([], {f"UWSGI_{name.upper().replace('-', '_')}": ""})
