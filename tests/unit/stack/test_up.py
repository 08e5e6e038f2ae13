"""What `uncork up` decides to run."""

from uncork.nginx.private import WorkerAccount
from uncork.stack.discover import App
from uncork.stack.up import server_arguments, server_label, short

SOCKET = "/p/.uncork/run/app.sock"


def test_the_server_of_a_module() -> None:
    """The app is imported from the project; the socket is for us alone."""
    app = App("/p", "why", target="blog:app", pythonpath=("/p/src",))

    assert server_arguments(app, None, SOCKET, None) == [
        "--chdir", "/p", "--socket", SOCKET, "--master", "--chmod-socket=600", "--processes", "2",
        "--pythonpath", "/p/src", "--module", "blog:app",
    ]  # fmt: skip


def test_the_server_of_a_file() -> None:
    """A file that is no module is named with its callable; the workers are as many as asked for."""
    app = App("/p", "why", wsgi_file="/p/my-app.py", callable="app")

    assert server_arguments(app, 7, SOCKET, None)[5:] == [
        "--chmod-socket=600", "--processes", "7", "--wsgi-file", "/p/my-app.py", "--callable", "app",
    ]  # fmt: skip


def test_an_ini_file_keeps_what_it_says() -> None:
    """The file comes first, so that only our socket is added; workers are overridden on demand alone."""
    app = App("/p", "why", ini="/p/uwsgi.ini")

    assert server_arguments(app, None, SOCKET, None) == [
        "--ini", "/p/uwsgi.ini", "--socket", SOCKET, "--master", "--chmod-socket=600",
    ]  # fmt: skip
    assert server_arguments(app, 3, SOCKET, None)[-2:] == ["--processes", "3"]


def test_started_by_root_nginx_is_let_in_by_group() -> None:
    """The socket belongs to root and is open to the group of nginx's workers."""
    account = WorkerAccount("www-data", "web", 33, 34)
    arguments = server_arguments(App("/p", "why", target="a:b"), None, SOCKET, account)

    assert arguments[5:8] == ["--chmod-socket=660", "--chown-socket", "root:web"]


def test_labels() -> None:
    """The server's line counts workers in plain words."""
    app, ini = App("/p", "", target="a:b"), App("/p", "", ini="/p/uwsgi.ini")

    assert [server_label(app, None), server_label(app, 1)] == ["2 workers", "1 worker"]
    assert [server_label(ini, None), server_label(ini, 4)] == ["workers as in uwsgi.ini", "4 workers"]


def test_paths_below_the_current_directory_are_short() -> None:
    """Lines show what one would type here."""
    assert short("/nowhere/app.sock") == "/nowhere/app.sock"
    assert not short(f"{__file__}/x").startswith("..")
