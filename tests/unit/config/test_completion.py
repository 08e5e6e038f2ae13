"""The completion scripts, asked in the shells that they are for."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from uncork.config.argv import TELLING
from uncork.config.completion import CONFIGURATION, Offer, Value, Verb, Word, fill, plain, server_options
from uncork.config.formats import SUFFIXES
from uncork.config.options.cheaper import ALGORITHMS
from uncork.config.shells import SHELLS, script
from uncork.config.table import BY_NAME

VERBS = (
    Verb(
        "ctl",
        "tell it's [server]: what to do",
        (Word(("--timeout",), "seconds", Value("S", Offer.NOTHING)), Word(("--json",), "as JSON")),
        (Value("VERB", Offer.WORDS, ("reload", "resume", "stop")), Value("SERVER", Offer.FILES)),
    ),
    Verb("up", "run it", (Word(("--root", "-r"), "where", Value("DIR", Offer.FOLDERS)),), (Value("APP", Offer.FILES),)),
    Verb("bare", "nothing behind it"),
)

Ask = Callable[[str], list[str]]

FILES = ("app.ini", "app.py", "b c.ini", "conf.yaml")
FOLDERS = ("deep", "sub dir")

# Completions of the last word, after `source SCRIPT`; what a shell prints is one of them in each line.
BASH = """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_uncork "$1"
((${#COMPREPLY[@]})) && printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "complete -C $line | string replace -r '\\t.*' ''"
# A terminal is needed, for nothing completes without; compadd writes down what it is given.
ZSH = r"""
zmodload zsh/zpty || exit 1
zpty shell zsh -f -i
zpty -w shell 'PROMPT=; autoload -Uz compinit; compinit -D -u; source script.zsh'
zpty -w shell 'compadd () {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  typeset -a found; builtin compadd -A found "$@"; (( $#found )) && print -rl -- $found >>found; builtin compadd "$@"
}'
zpty -w shell 'list-and-leave () { zle list-choices; exit }; zle -N list-and-leave; bindkey "^X" list-and-leave'
zpty -w shell 'print READY'
while zpty -r shell line; do [[ $line == READY* ]] && break; done
zpty -n -w shell "$1"$'\x18'
while zpty -r shell line; do :; done
"""


def run(words: list[str], cwd: Path, env: Mapping[str, str]) -> str:
    """What a program prints; it must end well and complain of nothing."""
    done = subprocess.run(
        words, cwd=cwd, env=dict(env), capture_output=True, text=True, timeout=50, stdin=subprocess.DEVNULL, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def found(shell: str) -> str:
    """The path of a shell; a test that needs one that is not installed is skipped."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with some files, and the scripts for all shells beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in FILES:
        (folder / name).touch()
    for name in FOLDERS:
        (folder / name).mkdir()
    for shell in SHELLS:
        (tmp_path / f"script.{shell}").write_text(script(shell, VERBS))
    return folder


def bash(folder: Path, *words: str) -> list[str]:
    """What bash, which finds no program at all, completes the last of the words to."""
    code = f"source ../script.bash\n{BASH}\ntrue"
    return run([found("bash"), "--norc", "--noprofile", "-c", code, "bash", *words], folder, {"PATH": ""}).splitlines()


def ask_bash(folder: Path) -> Ask:
    """bash, as readline calls it: an equals sign is a word of its own."""

    def ask(line: str) -> list[str]:
        return bash(folder, *line.replace("=", " = ").split(" "))

    return ask


def ask_fish(folder: Path) -> Ask:
    """fish, without anybody's configuration."""
    path = found("fish")

    def ask(line: str) -> list[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "line": line}
        code = f"source ../script.fish; {FISH}; true"
        return run([path, "--no-config", "-c", code], folder, env).splitlines()

    return ask


def ask_zsh(folder: Path) -> Ask:
    """zsh, in a terminal."""
    path = found("zsh")

    def ask(line: str) -> list[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "TERM": "xterm"}
        answers = folder.parent / "found"
        answers.unlink(missing_ok=True)
        code = ZSH.replace("script.zsh", "../script.zsh").replace(">>found", ">>../found")
        run([path, "-f", "-c", code, "zsh", line], folder, env)
        return answers.read_text().replace("\\ ", " ").splitlines() if answers.exists() else []

    return ask


@pytest.fixture(params=[ask_bash, ask_fish, ask_zsh], ids=["bash", "fish", "zsh"])
def ask(request: pytest.FixtureRequest, folder: Path) -> Ask:
    """Asks a shell what it completes the last word of a line to; without slashes behind directories."""
    shell: Ask = request.param(folder)

    def asked(line: str) -> list[str]:
        option = line.rpartition(" ")[2].partition("=")[0] + "="
        return sorted({word.rstrip("/").removeprefix(option) for word in shell(line)})

    return asked


def with_folders(*files: str) -> list[str]:
    """What is offered where these files fit."""
    return sorted([*files, *FOLDERS])


def test_options_are_completed(ask: Ask) -> None:
    """Two dashes and a beginning lead to every option of the server that begins so, aliases included."""
    for beginning in ("static-exp", "buffer-s", "emperor-on-demand-d"):
        assert ask(f"uncork --{beginning}") == sorted(f"--{name}" for name in BY_NAME if name.startswith(beginning))


def test_words_are_completed(ask: Ask) -> None:
    """Where few words fit these are offered, after a space and after an equals sign."""
    assert ask("uncork --file-serve-mode ") == ["nginx", "x-accel-redirect", "x-sendfile"]
    assert ask("uncork --file-serve-mode=x-s") == ["x-sendfile"]


def test_files_are_completed(ask: Ask) -> None:
    """Options that read a configuration take files of its kind, others any, chdir directories, and a number nothing."""
    assert ask("uncork --ini ") == with_folders("app.ini", "b c.ini")
    assert ask("uncork --ini=a") == ["app.ini"]
    assert ask("uncork --include ") == with_folders("app.ini", "b c.ini", "conf.yaml")
    assert ask("uncork --logto ") == with_folders(*FILES)
    assert ask("uncork -s a") == ["app.ini", "app.py"]
    assert ask("uncork --chdir ") == with_folders()
    assert ask("uncork --processes ") == []


def test_a_flag_takes_nothing(ask: Ask) -> None:
    """Behind a flag, and behind an option that needs no value, stands what may stand anywhere."""
    assert ask("uncork --master ") == with_folders("app.ini", "b c.ini", "conf.yaml")
    assert ask("uncork --chmod-socket ") == with_folders("app.ini", "b c.ini", "conf.yaml")


def test_verbs_are_completed(ask: Ask) -> None:
    """The first word may be a verb or a configuration file, and a later one no verb."""
    assert ask("uncork ") == sorted([*with_folders("app.ini", "b c.ini", "conf.yaml"), "ctl", "up", "bare"])
    assert ask("uncork u") == ["up"]
    assert ask("uncork --master ct") == []


def test_words_of_a_verb_are_completed(ask: Ask) -> None:
    """A verb has options and arguments of its own, and none of the server's."""
    assert ask("uncork ctl re") == ["reload", "resume"]
    assert ask("uncork ctl reload a") == ["app.ini", "app.py"]
    assert ask("uncork ctl --t") == ["--timeout"]
    assert ask("uncork ctl --sock") == []
    assert ask("uncork up --root ") == with_folders()
    assert ask("uncork up a") == ["app.ini", "app.py"]
    assert not set(FILES).intersection(ask("uncork bare "))


def test_a_link_named_uwsgi_has_no_verbs(ask: Ask) -> None:
    """What is started as uwsgi is uWSGI's command line and nothing else."""
    assert ask("uwsgi ") == with_folders("app.ini", "b c.ini", "conf.yaml")
    assert ask("uwsgi ctl app.i") == ["app.ini"]
    assert ask("uwsgi --buffer-s") == ["--buffer-size"]


def test_bash_completes_values_where_the_equals_sign_is_no_word_break(folder: Path) -> None:
    """With COMP_WORDBREAKS changed --option=value is one word, and stays one."""
    assert bash(folder, "uncork", "--ini=ap") == ["--ini=app.ini"]


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_hold_everything(shell: str) -> None:
    """Every name of the table stands in every script, and so does what is no option but may be typed."""
    text = script(shell, VERBS)
    for name in (*BY_NAME, *TELLING, "help", "version"):
        assert f"-l {name} " in text if shell == "fish" else f"--{name}" in text


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_help_is_shown(shell: str) -> None:
    """zsh and fish show what an option is for, quotes and brackets included."""
    words = Word(("--x",), "it's [here]")
    text = script(shell, [Verb("v", "a verb", (words,))])
    assert {"zsh": r"'*--x[it'\''s \[here\]]'", "fish": r"-l x -d 'it\'s [here]'"}[shell] in text
    assert BY_NAME["buffer-size"].option.help in text


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_start_no_python(shell: str) -> None:
    """A script is read once and knows everything: it calls neither uncork nor Python."""
    code = "\n".join(line for line in script(shell, VERBS).splitlines() if not line.startswith("#"))
    for call in ("$(uncork", "(uncork ", "| uncork ", "bin/python", "python -"):
        assert call not in code


def test_shells_accept_the_scripts(folder: Path) -> None:
    """The syntax is that of the shell."""
    checked = 0
    for shell in SHELLS:
        path = shutil.which(shell)
        if path:
            run([path, "-n", f"../script.{shell}"], folder, {"PATH": os.environ["PATH"], "HOME": str(folder.parent)})
            checked += 1
    assert checked


def test_what_is_offered_for_which_option() -> None:
    """A kind decides, and the names of those that read a configuration."""
    offers = {name: word for word in server_options() for name in word.names}
    assert offers["--master"] == Word(("--master", "-M"), BY_NAME["master"].option.help)
    assert offers["-M"].value is None
    assert offers["--yml"].value == Value("FILE", Offer.FILES, ("yaml", "yml"))
    assert offers["--json"].value == Value("FILE", Offer.FILES, ("json", "js"))
    assert offers["--ini-paste"].value == Value("FILE", Offer.FILES, ("ini",))
    assert offers["--inherit"].value == CONFIGURATION
    assert {*CONFIGURATION.items} == {"ini", *(suffix[1:] for suffix in SUFFIXES)}
    assert offers["--cheaper-algo"].value == Value("NAME", Offer.WORDS, ALGORITHMS)
    assert offers["--virtualenv"].value == Value("DIR", Offer.FOLDERS)
    assert offers["--spooler-chdir"].value == Value("DIR", Offer.FOLDERS)
    assert offers["--processes"].value == Value("N", Offer.NOTHING)
    assert offers["--chmod-socket"].optional
    assert offers["--reload"].value == Value("PIDFILE", Offer.FILES)


def test_words_of_other_letters_are_left_out() -> None:
    """What a shell would take for more than a word is no word to offer."""
    assert plain(["a", "b-c.d", "$(e)", "f g", "h;", "i"]) == "a b-c.d i"


def test_fill() -> None:
    """Each mark of a template becomes its lines, once."""
    assert fill("x @one@ @two@ a@b", {"one": ["1", "@two@"], "two": ["2"]}) == "x 1\n@two@ 2 a@b"
