"""Python expressions, worked out without running them."""

import ast

import pytest

from uncork.config.placeholders import evaluate as calculated
from uncork.migrate.expressions import as_value, evaluate
from uncork.migrate.values import Formula, ManualError, Value


def value(text: str) -> Value:
    return as_value(evaluate(ast.parse(text, mode="eval").body, {"n": 4, "host": "127.0.0.1"}))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("4", Formula("4")),
        ("-1", Formula("-1")),
        ("'a%'", Formula("a%%")),
        ("None", None),
        ("True", True),
        ("not True", False),
        ("['a', 'b']", (Formula("a"), Formula("b"))),
        ("('a',) + ('b',)", (Formula("a"), Formula("b"))),
        ("2 * 3 + n", Formula("10")),
        ("'a' + 'b'", Formula("ab")),
        ("f'{host}:{8000}'", Formula("127.0.0.1:8000")),
        ("int('4')", Formula("4")),
        ("str(4)", Formula("4")),
        ("os.path.join('/srv', 'app')", Formula("/srv/app")),
        ("os.path.join(os.path.dirname(__file__), 'app')", Formula("%dapp")),
        ("os.getcwd() + '/x'", Formula("%v/x")),
        ("os.environ['PORT']", Formula("$(PORT)")),
        ("os.environ.get('PORT', '8000')", Formula("$(PORT)", "PORT", "8000")),
        ("int(os.getenv('N', 4))", Formula("$(N)", "N", "4")),
        ("os.environ.get('X')", Formula("$(X)", "X", None)),
        ("os.environ.get('X') or 'y'", Formula("$(X)", "X", "y")),
        ("'0.0.0.0:' + os.environ.get('PORT', '80')", Formula("0.0.0.0:$(PORT)", "PORT", "0.0.0.0:80")),
        ("f'unix:{os.environ[\"RUN\"]}/app.sock'", Formula("unix:$(RUN)/app.sock")),
    ],
)
def test_the_usual_expressions_are_worked_out(text: str, result: Value) -> None:
    """Literals, names, concatenation, f-strings, the environment and places."""
    assert value(text) == result


@pytest.mark.parametrize(
    "text",
    [
        "cpu_count()",
        "multiprocessing.cpu_count() * 2 + 1",
        "2 * os.cpu_count() + 1",
        "1 + 2 * cpu_count()",
        "(cpu_count() + 1) * 2",
        "int(cpu_count() / 2)",
        "cpu_count() // 2 + 1",
        "cpu_count() - 1",
    ],
)
def test_calculations_with_the_number_of_cores_come_out_the_same(text: str) -> None:
    """Whatever the number of cores, the ini file's arithmetic gives what Python gives."""
    formula = value(text)
    assert isinstance(formula, Formula)
    for cores in (1, 2, 3, 8, 64):
        names = {"cpu_count": lambda cores=cores: cores}
        python = text.replace("multiprocessing.", "").replace("os.", "")
        expected = eval(python, {}, names)
        written = formula.text.replace("%k", str(cores))
        inner = written.removeprefix("%(").removesuffix(")")

        assert calculated(inner, lambda _: None) == str(expected) or written == str(expected)


@pytest.mark.parametrize(
    "text",
    [
        "2 ** 1000000",
        "'a' * 10",
        "0x" + "f" * 20_000,
        "1 // 0",
        "9 * 10000000000000000000 * 9",
        "max(2, cpu_count())",
        "2 * (cpu_count() + n) - (cpu_count() + 1)",
        "unknown",
        "open('/etc/passwd').read()",
        "__import__('os').system('true')",
        "os.environ.get('A', os.environ.get('B', '1'))",
        "os.environ.get(x)",
        "os.environ.get('A', default='b')",
        "[x for x in y]",
        "lambda: 1",
        "'a' if n else 'b'",
        "f'{n:04d}'",
        'f\'{os.getenv("A", "1")}{os.getenv("B", "2")}\'',
        "'line\\nbreak'",
        "' blank'",
        "os.path.join('/a', '/b')",
        "b'bytes'",
        "(-1) * cpu_count()",
        "[['a']]",
        "...",
    ],
)
def test_everything_else_is_left_to_people(text: str) -> None:
    """What is not understood, would be run, or could not be written is refused with a sentence."""
    with pytest.raises(ManualError) as refused:
        value(text)
    assert str(refused.value)
