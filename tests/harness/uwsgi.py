"""A client of the uwsgi protocol: what nginx's uwsgi_pass sends, byte by byte under the test's control."""

import socket
from dataclasses import dataclass, field

from uncork.protocol.uwsgi import encode

PATIENCE = 20.0


@dataclass
class Answer:
    """What came back; `reset` if the connection ended by a reset and not by its end."""

    raw: bytes
    reset: bool = False
    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def __post_init__(self) -> None:
        head, found, self.body = self.raw.partition(b"\r\n\r\n")
        if found:
            lines = head.decode("latin-1").split("\r\n")
            self.status = lines[0]
            self.headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:])]

    @property
    def code(self) -> int:
        """The status code, 0 if there was no answer."""
        return int(self.status.split()[1]) if self.status else 0

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def variables(path: str = "/", method: str = "GET", **extra: str) -> dict[str, str]:
    """The variables of Debian's and nginx's uwsgi_params for a request to `path` (with query)."""
    plain, _, query = path.partition("?")
    return {
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "",
        "REQUEST_URI": path,
        "PATH_INFO": plain,
        "DOCUMENT_ROOT": "/usr/share/nginx/html",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_SCHEME": "http",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "54321",
        "SERVER_PORT": "80",
        "SERVER_NAME": "localhost",
        "HTTP_HOST": "localhost",
        **extra,
    }


def connect(address: str) -> socket.socket:
    """A connection to `host:port`, a socket file, or an abstract `@name`."""
    if ":" in address:
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), PATIENCE)
    sock = socket.socket(socket.AF_UNIX)
    try:
        # Before it has a timeout: with one, a full queue would be an error at once (connect(2), EAGAIN).
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.settimeout(PATIENCE)
    except BaseException:
        sock.close()
        raise
    return sock


def receive(sock: socket.socket) -> Answer:
    """Everything until the connection ends."""
    data = b""
    while True:
        try:
            chunk = sock.recv(65536)
        except ConnectionResetError:
            return Answer(data, reset=True)
        if not chunk:
            return Answer(data)
        data += chunk


def exchange(address: str, packet: bytes) -> Answer:
    """Send `packet` as it is and read the answer."""
    with connect(address) as sock:
        sock.sendall(packet)
        return receive(sock)


def get(address: str, path: str = "/", modifier1: int = 0, **extra: str) -> Answer:
    """A GET request."""
    return exchange(address, encode(variables(path, **extra), modifier1))


def post(address: str, path: str, body: bytes, **extra: str) -> Answer:
    """A POST request with `body`."""
    return send(address, encode(variables(path, "POST", CONTENT_LENGTH=str(len(body)), **extra)), body)


def send(address: str, packet: bytes, body: bytes) -> Answer:
    """The answer to `packet` and `body`; it may come before the whole body is sent."""
    with connect(address) as sock:
        sock.sendall(packet)
        try:
            sock.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return receive(sock)
