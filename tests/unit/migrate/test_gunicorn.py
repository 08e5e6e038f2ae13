"""gunicorn's command line and configuration file."""

from collections.abc import Callable

import pytest

from uncork.config.load import load
from uncork.config.settings import Settings
from uncork.config.textfile import read_text
from uncork.migrate.command import MigrateError, parse_command
from uncork.migrate.draft import Migrated
from uncork.migrate.gunicorn import DEFAULT_FILE, migrate_command, migrate_file

Lines = Callable[[Migrated], list[str]]
SettingsOf = Callable[[str], Settings]


def nothing(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


def migrated(line: str, arguments: str = "", **files: str) -> Migrated:
    """What becomes of a command line; files are named without their dots."""

    def read(path: str) -> str:
        return files[path.replace(".", "_")] if path.replace(".", "_") in files else nothing(path)

    return migrate_command(parse_command([line]), read, arguments)


def file(text: str) -> Migrated:
    return migrate_file(text, "g.py")


# What every command line without more words has.
USUAL = [
    "master = true",
    "lazy-apps = true",
    "harakiri = 30",
    "module = app:app",
    "disable-logging = true",
    "http-socket = 127.0.0.1:8000",
]


def test_the_least_line_says_what_gunicorn_does_by_itself(lines: Lines) -> None:
    """Where nothing is said, the new file says what gunicorn did: where it listens, how long, what it logs."""
    found = migrated("gunicorn app:app")

    assert sorted(lines(found)) == sorted(USUAL)
    assert found.by_hand == ()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-w 4", "processes = 4"),
        ("--threads 8", "threads = 8"),
        ("--bind :80", "http-socket = :80"),
        ("-b 10.0.0.1", "http-socket = 10.0.0.1:8000"),
        ("-b [::1]:80", "http-socket = [::1]:80"),
        ("-b unix:/run/app.sock", "http-socket = /run/app.sock"),
        ("-b unix:///run/app.sock", "http-socket = /run/app.sock"),
        ("-b fd://3", "http-socket = fd://3"),
        ("-b tcp://:80", "http-socket = :80"),
        ("--protocol uwsgi -b :3031", "socket = :3031"),
        ("--backlog 512", "listen = 512"),
        ("-t 120", "harakiri = 120"),
        ("--graceful-timeout 20", "worker-reload-mercy = 20"),
        ("--max-requests 1000", "max-requests = 1000"),
        ("--max-requests-jitter 50", "max-requests-delta = 50"),
        ("--chdir /srv/app", "chdir = /srv/app"),
        ("-p /run/app.pid", "pidfile = /run/app.pid"),
        ("-u www-data", "uid = www-data"),
        ("-g www-data", "gid = www-data"),
        ("-m 0o022", "umask = 022"),
        ("-m 18", "umask = 022"),
        ("-e A=1", "env = A=1"),
        ("--reload", "py-autoreload = 1"),
        ("--reload-extra-file x.html", "touch-reload = x.html"),
        ("--access-logfile /log/a", "req-logger = file:/log/a"),
        ("--access-logfile - --access-logformat '%(m)s %(U)s'", "log-format = %(method) %(var.PATH_INFO)"),
        ("--error-logfile /log/e", "logto = /log/e"),
        ("-D --log-file /log/e", "daemonize = /log/e"),
        ("-D", "daemonize = /dev/null"),
        ("-n shop", "procname-prefix-spaced = shop"),
        ("-k gevent --worker-connections 50", "gevent = 50"),
        ("-k eventlet", "gevent = 1000"),
        ("--log-syslog", "logger = syslog:gunicorn,user"),
        ("--pythonpath /a", "pythonpath = /a"),
    ],
)
def test_options(lines: Lines, words: str, line: str) -> None:
    """Each option that a web app uses has its line, which fits the option table."""
    found = migrated(f"gunicorn {words} app:app")

    assert line in lines(found)
    assert found.by_hand == ()


@pytest.mark.parametrize(
    "words",
    [
        "--keep-alive 5",
        "-k gthread",
        "-k sync",
        "--preload",
        "--worker-tmp-dir /dev/shm",
        "--log-level debug",
        "--capture-output",
        "--limit-request-line 8190",
        "--worker-connections 1000",
        "--error-logfile -",
        "--no-sendfile",
        "--reuse-port",
        "--initgroups",
    ],
)
def test_options_that_need_no_line(lines: Lines, words: str) -> None:
    """They are said to need nothing, or say nothing, and nobody has to do anything."""
    found = migrated(f"gunicorn {words} app:app")

    assert set(lines(found)) <= set(USUAL)
    assert found.by_hand == ()


@pytest.mark.parametrize(
    "words",
    [
        "--certfile c.pem",
        "--forwarded-allow-ips '*'",
        "--statsd-host localhost:8125",
        "--log-config log.ini",
        "--proxy-protocol",
        "--ciphers x",
        "--paste p.ini",
        "--no-such-option",
        "-w four",
        "-m 022",
        "-w $(nproc)",
        "--dirty-app a:b",
    ],
)
def test_options_that_somebody_has_to_see_to(words: str) -> None:
    """They are named with what can be done, once each."""
    (sentence,) = migrated(f"gunicorn app:app {words}").by_hand

    assert sentence.startswith("gunicorn ")


def test_https_takes_its_files(lines: Lines) -> None:
    """Certificate and key stand behind the address."""
    found = migrated("gunicorn -b :443 --certfile c.pem --keyfile k.pem app:app")

    assert "https = :443,c.pem,k.pem" in lines(found)
    assert not any(line.startswith("http-socket") for line in lines(found))


def test_preload_is_the_way_here(lines: Lines) -> None:
    """The app is loaded once unless gunicorn would have loaded it in each worker."""
    assert "lazy-apps = true" not in lines(migrated("gunicorn --preload app:app"))


def test_several_addresses_and_variables(lines: Lines) -> None:
    """What may be given several times is, in order: of variables and directories the last one wins in both."""
    found = lines(migrated("A=1 gunicorn -b :80 -b :81 -e B=2 -e C=3 --pythonpath /a,/b app:app"))

    assert [line for line in found if line.startswith(("http-socket", "env", "pythonpath"))] == [
        "env = A=1",
        "env = B=2",
        "env = C=3",
        "pythonpath = /a",
        "pythonpath = /b",
        "http-socket = :80",
        "http-socket = :81",
    ]


def test_threads_have_no_time_limit_of_their_own(lines: Lines) -> None:
    """gunicorn's timeout ends requests only where a worker serves one at a time."""
    assert "harakiri = 30" not in lines(migrated("gunicorn --threads 4 app:app"))
    assert not any(line.startswith("harakiri") for line in lines(migrated("gunicorn -t 0 app:app")))


def test_the_last_of_file_variable_and_command_line_counts(lines: Lines) -> None:
    """Setting by setting; a list replaces the list of before as a whole."""
    found = migrated(
        "GUNICORN_CMD_ARGS='--workers 3 --threads 3' gunicorn -w 4 -b :81 app:app",
        gunicorn_conf_py="workers = 2\nthreads = 2\nbind = [':1', ':2']\nmax_requests = 2\n",
    )

    assert {"processes = 4", "threads = 3", "http-socket = :81", "max-requests = 2"} <= set(lines(found))
    assert not {"http-socket = :1", "env = GUNICORN_CMD_ARGS=--workers 3 --threads 3"} & set(lines(found))
    assert DEFAULT_FILE in found.text.splitlines()[0]


def test_the_variable_of_this_shell_counts_where_the_line_has_none(lines: Lines) -> None:
    """GUNICORN_CMD_ARGS is read by gunicorn, too."""
    assert "processes = 5" in lines(migrated("gunicorn app:app", "--workers=5"))


def test_a_file_that_is_named_has_to_be_there(lines: Lines) -> None:
    """`-c` names it; without it gunicorn does without, and so does this."""
    assert "processes = 7" in lines(migrated("gunicorn -c my.py app:app", my_py="workers = 7"))
    with pytest.raises(MigrateError, match=r"my\.py cannot be read: No such file"):
        migrated("gunicorn -c my.py app:app")


def test_a_configuration_file(lines: Lines) -> None:
    """Values, calculations and variables; each line knows where it came from."""
    found = file(
        "import multiprocessing, os\n"
        "bind = f\"0.0.0.0:{os.environ.get('PORT', 8000)}\"\n"
        "workers = multiprocessing.cpu_count() * 2 + 1\n"
        "preload_app = True\n"
        'accesslog = "-"\n'
        'raw_env = ["A=1"]\n'
        'wsgi_app = "shop.wsgi"\n'
    )

    assert found.by_hand == ()
    assert "; g.py:3 workers = multiprocessing.cpu_count() * 2 + 1\nprocesses = %(%k * 2 + 1)\n" in found.text
    assert {"module = shop.wsgi", "env = A=1"} <= set(lines(found))
    start = lines(found).index("if-env = PORT")
    assert lines(found)[start : start + 6] == [
        "if-env = PORT",
        "http-socket = 0.0.0.0:$(PORT)",
        "endif",
        "if-not-env = PORT",
        "http-socket = 0.0.0.0:8000",
        "endif",
    ]


@pytest.mark.parametrize("port", [None, "9000"])
def test_a_variable_with_a_default_means_the_same(tmp_path: object, port: str | None) -> None:
    """Set or not, the new file listens where gunicorn would."""
    from pathlib import Path

    path = Path(str(tmp_path)) / "new.ini"
    path.write_text(migrated("gunicorn -b :${PORT:-8000} app:app").text)
    configuration = load(["--ini", str(path)], {"PORT": port} if port else {})

    assert configuration.settings.http.http_socket == (f":{port or 8000}",)
    assert configuration.warnings == ()


def test_what_a_file_leaves_to_people() -> None:
    """Hooks, conditions and what is unknown are named with their lines; other functions are nobody's business."""
    found = file(
        "workers = count()\n"
        "def count():\n    return 4\n"
        "def post_fork(server, worker):\n    pass\n"
        "if DEBUG:\n    reload = True\n"
        "wsgi_app = 'a'\n"
        "logger = print\n"
    )

    assert [sentence.partition(": ")[0] for sentence in found.by_hand] == [
        "g.py:1 workers = count()",
        "g.py:6",
        "g.py:4 def post_fork",
    ]


def test_a_file_without_an_app_says_so() -> None:
    """A configuration file need not name the app, and a server cannot do without."""
    assert [sentence for sentence in file("workers = 2").by_hand if "module = " in sentence]


def test_a_python_file_that_is_none_of_gunicorns() -> None:
    """Without any setting there is nothing to migrate."""
    with pytest.raises(MigrateError, match="no setting of gunicorn"):
        file("app = 1\n")


@pytest.mark.parametrize(
    "worker", ["uvicorn.workers.UvicornWorker", "uvicorn_worker.UvicornWorker", "aiohttp.GunicornWebWorker", "asgi"]
)
def test_asgi_workers_are_refused(worker: str) -> None:
    """What is behind them is no WSGI app, and the sentence says what to do."""
    with pytest.raises(MigrateError, match="that is ASGI, and Uncork serves WSGI apps"):
        migrated(f"gunicorn -k {worker} app:app")


@pytest.mark.parametrize(
    ("app", "line"),
    [("app", "module = app"), ("a.b:create()", "module = a.b:create()"), ("a:b.c", "module = a:b.c")],
)
def test_apps(lines: Lines, app: str, line: str) -> None:
    """A module alone means `application` in both; factories are called."""
    assert line in lines(migrated(f"gunicorn '{app}'"))


def test_a_factory_with_arguments_is_left_to_people() -> None:
    """Nothing can be handed to it from here."""
    (sentence,) = migrated("gunicorn \"app:create('x')\"").by_hand

    assert "factory" in sentence


def test_secrets_stand_in_no_sentence_and_in_no_comment() -> None:
    """A password is in its line, and nowhere else."""
    found = migrated("gunicorn -e DB_PASSWORD=hidden --env 'X_TOKEN=hid\nden' app:app")

    assert [line for line in found.text.splitlines() if "hid" in line] == ["env = DB_PASSWORD=hidden"]
    assert "hid" not in "".join(found.by_hand)


@pytest.mark.parametrize(
    "line",
    [
        "gunicorn -w 4 --threads 2 -b :80 -b unix:/run/a.sock --access-logfile /log/a --error-logfile /log/e app:app",
        "A=1 B='50%' gunicorn --max-requests 10 -t 9 -p /run/pid -u 0 -g 0 -m 0o77 --chdir / app:app",
        "gunicorn -k gevent --name x --reload --access-logfile - --log-syslog app:create()",
    ],
)
def test_the_new_file_loads_without_a_word(tmp_path: object, line: str) -> None:
    """No problem, no warning: what is written is known and fits."""
    from pathlib import Path

    path = Path(str(tmp_path)) / "new.ini"
    path.write_text(migrated(line.replace("create()", "'create()'")).text)

    assert load(["--ini", str(path)], {}).warnings == ()


def test_a_file_is_read_and_not_run(tmp_path: object) -> None:
    """The door for real files gives the same as a text."""
    from pathlib import Path

    path = Path(str(tmp_path)) / "gunicorn.conf.py"
    path.write_text("workers = 2\nwsgi_app = 'app:app'\nraise SystemExit('this was run')\n")

    assert "processes = 2" in migrate_file(read_text(str(path)), "gunicorn.conf.py").text
