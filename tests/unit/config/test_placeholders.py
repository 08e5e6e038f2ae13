"""What stands in brackets.  The expected values are those of the real uWSGI, which one test here asks."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.config.placeholders import Budget, ExhaustedError, Lookup, RunawayError, evaluate, expand
from unit.config.conftest import ShowConfig, Write

VARIABLES = {"A": "1", "B1": "2", "B2": "3", "D": "$(A)", "F": "", "E": "%(n)"}
NAMES = {
    "one": "5",
    "two": "6",
    "w": "abc",
    "e": "",
    "neg": "-4",
    "x12": "12abc",
    "n(n)": "odd",
    "7": "seven",
    "3x": "77",
    "chain": "x%(link)",
    "link": "y%(two)",
    "step": "%(two)",
}


IN_ENVIRONMENT = [
    ("plain", "plain"),
    ("$(A)", "1"),
    ("a$(A)b$(A)", "a1b1"),
    ("$(NO)", "$(NO)"),
    ("$(NO)$(A)", "$(NO)1"),
    ("x$(F)y", "xy"),
    ("$()", "$()"),
    ("$(A", "$(A"),
    ("$A", "$A"),
    ("$$(A)", "$1"),
    ("$ (A)", "$ (A)"),
    ("$(B$(A))", "$(B1)"),
    ("x$(B$(A))", "x2"),
    ("x$(B$(B$(A)))", "x3"),
    ("$(B$(B$(A)))", "$(B2)"),
    ("$(D)", "$(A)"),
    ("$(D)$(A)$(D)", "$(A)11"),
    ("$(Q(A)$(A)", "$(Q(A)1"),
    ("$(A $(A)", "$(A 1"),
    ("$(Q$(B$(A))x$(A))", "$(Q2x1)"),
    ("$($(A))", "$(1)"),
    ("%(A)@(A)", "%(A)@(A)"),
]


@pytest.mark.parametrize(("value", "expanded"), IN_ENVIRONMENT)
def test_expand(value: str, expanded: str) -> None:
    """Inner brackets go first; what came from a replacement is read again, save at the very front."""
    assert expand(value, "$", VARIABLES.get, Budget()) == expanded


BY_NAME = [
    # One name.
    ("%(one)", "5"),
    ("a%(one)b%(two)c", "a5b6c"),
    ("%(nope)", "%(nope)"),
    ("%()", "%()"),
    ("%(n(n))", "odd"),
    ("%(7)", "seven"),
    ("%(step)", "%(two)"),
    ("x%(step)", "x6"),
    ("%(chain)", "xy6"),
    ("%(one+two)", "%(one+two)"),
    ("%(++)", "%(++)"),
    # Words side by side.
    ("%(one two)", "56"),
    ("%(one two w)", "56abc"),
    ("%(one  two)", "56"),
    ("%( one )", "5"),
    ("%(nope )", ""),
    ("%( )", "%( )"),
    ("%(  )", "%(  )"),
    ("%(3 4)", "34"),
    ("%(7 )", "7"),
    ("%(one 3)", "53"),
    ("%(0 w)", "0abc"),
    ("%(w nope)", "abc"),
    ("%(e e)", ""),
    ("%(one . two)", "56"),
    ("%(one ! two)", "56"),
    ("%(one +two)", "5"),
    # Arithmetic.
    ("%(one + two)", "11"),
    ("%(one - 10)", "-5"),
    ("%(one * two)", "30"),
    ("%(two / one)", "1"),
    ("%(neg / 3)", "-1"),
    ("%(neg / neg)", "1"),
    ("%(one / 0)", "0"),
    ("%(one + 2 * two)", "42"),
    ("%(one + two w)", "11abc"),
    ("%(w one + two)", "6"),
    ("%(w one two + 1)", "1"),
    ("%(x12 + one)", "17"),
    ("%(neg + one)", "1"),
    ("%(w + one)", "5"),
    ("%(w * one)", "0"),
    ("%(e + one)", "5"),
    ("%(nope + nope)", "0"),
    ("%(one + nope)", "5"),
    ("%(one * nope)", "0"),
    ("%(one / -2)", "0"),
    ("%(4x + 1)", "1"),
    ("%(3x + 1)", "78"),
    ("%(07 + 1)", "8"),
    ("%(one + + two)", "11"),
    ("%(one - + two)", "11"),
    ("%(one *)", "5"),
    ("%(one two -)", "56"),
    ("%(+ one)", "5"),
    ("%(- one)", "-5"),
    ("%(* one)", "0"),
    # Steps.
    ("%(one ++)", "6"),
    ("%(one --)", "4"),
    ("%(one ++ ++)", "7"),
    ("%(one -- two)", "46"),
    ("%(one ++ two)", "66"),
    ("%(one * ++)", "6"),
    ("%(one * ++ one)", "65"),
    ("%(++ one)", "5"),
    ("%(++ one ++)", "6"),
    ("%(nope ++)", "1"),
    ("%(w ++)", "1"),
    # 64 bits.
    ("%(one * 1000000000)", "5000000000"),
    ("%(9223372036854775807 + 1)", "-9223372036854775808"),
    ("%(99999999999999999999999 + 0)", "9223372036854775807"),
    # Brackets in brackets.
    ("%(%(w))", "%(abc)"),
    ("%(one + %(one))", "%(one + 5)"),
    ("%(one % two)", "%(one % two)"),
    ("%(one", "%(one"),
    ("%(one)(two)", "5(two)"),
]


@pytest.mark.parametrize(("value", "expanded"), BY_NAME)
def test_evaluate(value: str, expanded: str) -> None:
    """Names, words and calculations in `%()` come out as uWSGI computes them."""
    assert expand(value, "%", lambda key: evaluate(key, NAMES.get), Budget()) == expanded


@pytest.mark.parametrize("growth", ["x%(a)", "%(a)%(a)", "x" * 5000 + "%(a)%(a)"])
def test_runaway(growth: str) -> None:
    """A value that refers to itself ends in an error, and not in all memory."""
    with pytest.raises(RunawayError):
        expand("x%(a)", "%", {"a": growth}.get, Budget())


def test_many_in_one_value() -> None:
    """A long list of placeholders is no value that refers to itself."""
    assert expand("%(a)" * 5000, "%", {"a": "1"}.get, Budget()) == "1" * 5000
    with pytest.raises(RunawayError, match="more than 10,000 replacements"):
        expand("x%(a)" * 10_001, "%", {"a": ""}.get, Budget())


def test_many_values_together() -> None:
    """What each value may take all of them together may not."""
    budget = Budget()

    def expand_one() -> int:
        return len(expand("-%(a)", "%", {"a": "x" * 1_000_000}.get, budget))

    with pytest.raises(ExhaustedError):
        sum(expand_one() for _ in range(200))


def step_by_step(value: str, symbol: str, lookup: Lookup) -> str:
    """uWSGI's way: after each replacement the whole value is read again, from its second character."""
    start = 0
    while True:
        for begin in range(start, len(value)):
            if not value.startswith(symbol + "(", begin):
                continue
            end, depth = begin + 2, 0
            while end < len(value) and value[end] != symbol:
                depth += {"(": 1, ")": -1}.get(value[end], 0)
                if depth < 0:
                    break
                end += 1
            key = value[begin + 2 : end]
            replacement = lookup(key) if key and value[end : end + 1] == ")" else None
            if replacement is not None:
                value = f"{value[:begin]}{replacement}{value[end + 1 :]}"
                break
        else:
            return value
        start = 1


@settings(max_examples=500, deadline=None)
@given(
    value=st.text("%$()ab", max_size=40),
    # No value makes a longer one: nothing goes on for ever.
    values=st.dictionaries(st.sampled_from(["a", "b", "ab", "a(b)", "b()"]), st.sampled_from(["", "%", "(", ")", "a"])),
)
def test_shortcuts_change_nothing(value: str, values: dict[str, str]) -> None:
    """What is not looked at again after a replacement would have stayed as it is."""
    assert expand(value, "%", values.get, Budget()) == step_by_step(value, "%", values.get)


def test_time_grows_with_the_length() -> None:
    """Ten times as much takes about ten times as long, and not a hundred times."""

    def seconds(times: int) -> float:
        value = "x%(q %" + "%(no)" * times + "%(a" * times + "%(yes)" * 500
        began = time.process_time()
        expand(value, "%", {"yes": "1"}.get, Budget())
        return time.process_time() - began

    seconds(100)
    assert min(seconds(10_000) for _ in range(3)) < 60 * max(0.001, min(seconds(1000) for _ in range(3)))


def test_tables_are_those_of_uwsgi(write: Write, uwsgi_shows: ShowConfig) -> None:
    """The real uWSGI gives the values of both tables."""
    # uWSGI would read a file for @(); and the names stand last, so that they are not replaced before they are used.
    table = [(value, expanded) for value, expanded in IN_ENVIRONMENT + BY_NAME if "@(" not in value]
    lines = [f"row-{number} = {value}" for number, (value, _) in enumerate(table)]
    lines += [f"{name} = {value}" for name, value in NAMES.items()]
    name = write("app.ini", "\n".join(["[uwsgi]", *lines]).replace("%", "%%"))
    shown = dict(uwsgi_shows(["--ini", name], VARIABLES))
    assert {value: shown[f"row-{number}"] for number, (value, _) in enumerate(table)} == dict(table)
