"""A client of the service: one request, one answer. Standard library only."""

import http.client
import json
import re
import socket
import time
import urllib.parse

from .until import slowly


class ServedBy:
    """The Consistency header of a reply: who answered, and why."""

    def __init__(self, header):
        self.header = header
        level, *pairs = header.split(";")
        fields = dict(pair.strip().split("=", 1) for pair in pairs if "=" in pair)
        flags = {pair.strip() for pair in pairs if "=" not in pair}
        self.confirmed = ("confirmed" in flags) if flags else None
        self.level = level.strip()
        self.node = fields["node"].strip('"') if "node" in fields else None
        self.role = fields.get("role")
        self.reason = fields.get("reason")
        self.waited = float(fields["waited"]) if "waited" in fields else None
        self.lag = float(fields["lag"]) if "lag" in fields else None
        self.age = float(fields["age"]) if "age" in fields else None

    def __repr__(self):
        return f"<{self.header}>"


class Answer:
    """What came back."""

    def __init__(self, status, headers, body, took_s=0.0):
        self.status = status
        self.headers = headers
        self.body = body
        self.took_s = took_s

    def __repr__(self):
        served = f" {self.headers['consistency']}" if "consistency" in self.headers else ""
        return f"<Answer {self.status}{served} {self.body[:300]!r}>"

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        """The document's data; anything but a success is a failed expectation."""
        assert self.status in (200, 201), f"expected data, got {self!r}"
        return self.json["data"]

    @property
    def rows_affected(self):
        assert self.status == 200, f"expected a number of rows, got {self!r}"
        return self.json["rows_affected"]

    @property
    def token(self):
        return self.headers.get("consistency-token")

    @property
    def served_by(self):
        assert "consistency" in self.headers, f"no Consistency header in {self!r}"
        return ServedBy(self.headers["consistency"])

    @property
    def problem(self):
        """The problem document; checked for what every problem document has."""
        assert self.status >= 400, f"expected a problem, got {self!r}"
        kind = self.headers.get("content-type", "").split(";")[0]
        assert kind == "application/problem+json", f"no problem document: {self!r}"
        document = self.json
        for key in ("type", "title", "status", "code", "request_id", "retryable"):
            assert key in document, f"the problem document lacks {key}: {document}"
        assert document["status"] == self.status
        assert document["type"].endswith("#" + document["code"])
        if self.status in (429, 503):
            assert "retry-after" in self.headers, f"no Retry-After in {self!r}"
        return document

    @property
    def code(self):
        return self.problem["code"]


def encode_query(params):
    """Query string; a list repeats its key, None leaves it out, true and false are words."""
    pairs = []
    for name, value in params.items():
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            if isinstance(item, bool):
                item = "true" if item else "false"
            elif isinstance(item, dict):
                item = json.dumps(item)
            pairs.append((name, item))
    return urllib.parse.urlencode(pairs)


class UnixConnection(http.client.HTTPConnection):
    """A connection to the Unix socket of that path; Host is localhost."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """Asks one service (HOST:PORT, unix:PATH); a new connection per request unless kept alive."""

    def __init__(self, address, keep_alive=False, timeout_s=30, source=None):
        self.host, _, port = address.rpartition(":")
        self.path = port if self.host == "unix" else None
        self.port = None if self.path else int(port)
        self.timeout_s = slowly(timeout_s)
        self.keep_alive = keep_alive
        self.source = (source, 0) if source else None
        self.connection = None
        self.on_answer = None  # told of each answer: method, target, answer

    def connect(self):
        if self.path:
            return UnixConnection(self.path, self.timeout_s)
        return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s,
                                          source_address=self.source)

    def request(self, method, target, body=None, headers=None):
        """Any request. body: bytes or text are sent as they are, anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        headers = {name: value for name, value in headers.items() if value is not None}
        connection = self.connection or self.connect()
        began = time.monotonic()
        try:
            connection.request(method, target, body=body, headers=headers)
            reply = connection.getresponse()
            content = reply.read()
        except BaseException:
            connection.close()
            self.connection = None
            raise
        took_s = time.monotonic() - began
        if self.keep_alive:
            self.connection = connection
        else:
            connection.close()
        found = {}
        for name, value in reply.getheaders():
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        answer = Answer(reply.status, found, content, took_s)
        if self.on_answer:
            self.on_answer(method, target, answer)
        return answer

    def get(self, target, headers=None):
        return self.request("GET", target, headers=headers)

    def post(self, target, body=None, headers=None):
        return self.request("POST", target, body=body, headers=headers)

    def command(self, name, /, user=None, headers=None, token=None, body=None, **params):
        return self.post(f"/v1/commands/{name}", params if body is None else body,
                         with_identity(headers, user, None, token))

    def query(self, name, /, user=None, consistency=None, token=None, headers=None,
              method="GET", **params):
        headers = with_identity(headers, user, consistency, token)
        if method == "GET":
            search = f"?{encode_query(params)}" if params else ""
            return self.request("GET", f"/v1/queries/{name}{search}", headers=headers)
        return self.request(method, f"/v1/queries/{name}", params, headers)


def with_identity(headers, user, consistency, token):
    headers = dict(headers or {})
    if user is not None:
        headers["X-User-Id"] = user
    if consistency is not None:
        headers["Consistency"] = consistency
    if token is not None:
        headers["Consistency-Token"] = token
    return headers


class Raw:
    """A bare connection, for what no proper client would send."""

    def __init__(self, address, timeout_s=10, source=None):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=slowly(timeout_s),
                                               source_address=(source, 0) if source else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Send all of it, unless the other side has had enough already."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def until_closed(self, enough=1 << 22):
        """Everything until the other side closes; the time-out of the socket is an error."""
        received = b""
        try:
            while len(received) < enough:
                piece = self.socket.recv(65536)
                if not piece:
                    break
                received += piece
        except ConnectionResetError:
            pass
        return received

    def one_answer(self):
        """One reply with a Content-Length, on a connection that may stay open."""
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self.socket.recv(65536)
            if not piece:
                return None
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        while length and len(body) < int(length[1]):
            piece = self.socket.recv(65536)
            if not piece:
                return None
            body += piece
        return parse_answer(head, body)


def parse_answer(head, body):
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Answer(int(lines[0].split()[1]), headers, body)


def answers_in(received):
    """The replies in what a connection sent until it was closed."""
    found = []
    while received:
        head, parted, rest = received.partition(b"\r\n\r\n")
        assert parted, f"a reply is cut off: {received[:200]!r}"
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        size = int(length[1]) if length else len(rest)
        assert len(rest) >= size, f"the body of a reply is cut off: {received[:200]!r}"
        found.append(parse_answer(head, rest[:size]))
        received = rest[size:]
    return found
