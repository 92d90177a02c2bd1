# SPDX-License-Identifier: Apache-2.0
"""Calls made from an OpenAPI document, and whether each reply is one that the document tells of.

A call is valid, nearly valid (one thing about it is wrong) or wild. Seeded: worker N of a seed
makes the same calls each time, but for the ids of jobs. A reply must have a status of its
operation (another one only where the application asks for it: code `rejected`), a media type of
that status, a body that fits its schema, the headers that are described there, each of its type,
and none that is not.
"""

import collections
import gzip
import http.client
import json
import random
import string
import threading
import urllib.parse

from jsonschema import Draft202012Validator

from .schemas import resolve

# What HTTP itself, and the listener, may add to any reply.
ANY_REPLY = {"content-type", "content-length", "content-encoding", "transfer-encoding", "date",
             "connection", "vary", "traceparent", "tracestate", "keep-alive"}
KINDS = ("valid", "nearly", "wild")
WORDS = ["pen", "ink", "a", "", "Ann", "DE", "no such thing", "O'Neil", "ü€𝄞", "new", "0", "null",
         "\u0000", "x" * 300, "%", "\\", "{}", "2026-01-01"]
FORMATS = {
    "date": ["2026-02-28", "0001-01-01", "infinity"],
    "date-time": ["2026-02-28T12:00:00Z", "2020-01-01T00:00:00+02:00"],
    "time": ["12:00:00", "23:59:59.5"],
    "duration": ["P1D", "PT0.5S"],
    "uuid": ["123e4567-e89b-12d3-a456-426614174000"],
    "byte": ["", "AA==", "AAECAwQ="],
}
HEADERS = {
    "Consistency": ["eventual", "session", "strong", "strong;from=replica", "session;wait=0.01",
                    "eventual;max-staleness=5"],
    "Consistency-Token": [],
    "Prefer": ["respond-async", "wait=0", "respond-async, wait=1", "handling=lenient",
               "after-job={job}, wait=0.2"],
    "Priority": ["u=0", "u=7", "u=3, i"],
    "Request-Timeout": ["5", "1.5", "2"],
    "Cache-Control": ["no-cache", "no-store", "max-age=1", "max-age=0"],
    "If-None-Match": ["*", '"abc"', 'W/"abc", "def"'],
    "X-Request-Id": ["story.1", "a-b_c"],
    "traceparent": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    "X-User-Id": ["ann", "bob", "ü"],
    "Last-Event-ID": ["1", "x"],
}
WILD_HEADERS = [("Consistency", "sometimes"), ("Consistency-Token", "nonsense"),
                ("Consistency-Token", "x" * 200), ("Prefer", "respond-async;;=,"),
                ("Prefer", "wait=-1"), ("Priority", "u=9"), ("Priority", "high"),
                ("Request-Timeout", "soon"), ("Request-Timeout", "0.001"),
                ("Idempotency-Key", '"open'), ("Idempotency-Key", "k" * 400),
                ("If-None-Match", "open\""), ("X-Request-Id", "no good!"), ("traceparent", "x"),
                ("X-User-Id", "u" * 300), ("Cache-Control", "max-age=x"),
                ("Content-Type", "text/plain"), ("Authorization", "Bearer cq_no"),
                ("Accept-Encoding", "gzip;q=2, *")]

Call = collections.namedtuple("Call", "operation method path described")
Sent = collections.namedtuple("Sent", "kind call method target headers body")
Reply = collections.namedtuple("Reply", "status headers body")


def inlined(whole, node, above=()):
    """The node with all references replaced by what they lead to."""
    if isinstance(node, list):
        return [inlined(whole, child, above) for child in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        assert node["$ref"] not in above, node["$ref"]
        return inlined(whole, resolve(whole, node), (*above, node["$ref"]))
    return {name: inlined(whole, child, above) for name, child in node.items()}


class Document:
    """What of a document calls are made from, and replies are judged by."""

    def __init__(self, whole, skip=()):
        flat = {path: inlined(whole, item) for path, item in whole["paths"].items()}
        self.calls = []
        for path, item in flat.items():
            for method, described in item.items():
                if method == "parameters" or described["operationId"] in skip:
                    continue
                described = {**described, "parameters": [*item.get("parameters", []),
                                                         *described.get("parameters", [])]}
                self.calls.append(Call(described["operationId"], method.upper(), path, described))
        self.validators = {}

    def validator(self, key, schema):
        if key not in self.validators:
            self.validators[key] = Draft202012Validator(schema)
        return self.validators[key]

    def misfits(self, call, reply):
        """A line for each thing of the reply that the document does not tell of."""
        responses = call.described["responses"]
        status = str(reply.status)
        response = responses.get(status, responses["default"])
        found = list(self.header_misfits(call, status, response, reply.headers))
        if not reply.body and "content" not in response:
            return found
        kind = reply.headers.get("content-type", "").partition(";")[0]
        if kind not in response.get("content", {}):
            return [*found, f"{status} is {kind or 'without a type'}"]
        if "json" not in kind:
            return found
        try:
            value = json.loads(reply.body)
        except ValueError as failure:
            return [*found, f"{status} is no JSON: {failure}"]
        if status not in responses and value.get("code") != "rejected":
            found.append(f"{status} {value.get('code')} is not described")
        schema = response["content"][kind]["schema"]
        for error in self.validator((call.operation, status, kind), schema).iter_errors(value):
            found.append(f"{status} {'.'.join(map(str, error.path))}: {error.message[:200]}")
        return found

    @staticmethod
    def header_misfits(call, status, response, headers):
        described = {name.lower(): header for name, header in
                     response.get("headers", {}).items()}
        for name, value in headers.items():
            if name in ANY_REPLY:
                continue
            if name not in described:
                yield f"{status}: the header {name} is not described"
                continue
            schema = described[name]["schema"]
            if schema.get("type") == "integer" and not value.isdigit():
                yield f"{status}: {name} is {value!r}"
            if len(value) > schema.get("maxLength", len(value)):
                yield f"{status}: {name} is too long"
            if value not in schema.get("enum", [value]):
                yield f"{status}: {name} is {value!r}"
        for name, header in described.items():
            if header.get("required") and name not in headers:
                yield f"{status}: there is no {name}"


class Maker:
    """Makes calls, from a seed."""

    def __init__(self, document, seed):
        self.document = document
        self.random = random.Random(seed)
        self.tokens, self.jobs, self.tags = [], ["06ANOSUCHJOB", "x"], []

    # Values

    def value(self, schema):
        """One that the schema allows, as far as its types, enums, formats and limits say."""
        pick = self.random
        if "oneOf" in schema:
            return self.value(pick.choice(schema["oneOf"]))
        if "default" in schema and pick.random() < 0.2:
            return schema["default"]
        if "enum" in schema:
            return pick.choice(schema["enum"])
        types = schema.get("type", ["string", "integer", "boolean", "null", "array", "object"])
        return self.of_type(pick.choice([types] if isinstance(types, str) else types), schema)

    def of_type(self, name, schema):
        pick = self.random
        if name == "null":
            return None
        if name == "boolean":
            return pick.random() < 0.5
        if name == "integer":
            low, high = schema.get("minimum", -2**31), schema.get("maximum", 2**31 - 1)
            return pick.choice([max(low, min(high, number)) for number in
                                (pick.randint(1, 30), 0, 1, 7, -1, low, high)])
        if name == "number":
            return pick.choice([0, 1.5, -2, 1e3, pick.random() * 100])
        if name == "array":
            return [self.value(schema.get("items", {})) for _ in range(pick.choice([0, 1, 2, 5]))]
        if name == "object":
            return self.members(schema)
        if "format" in schema and schema["format"] in FORMATS:
            return pick.choice(FORMATS[schema["format"]])
        if "pattern" in schema or "int" in schema.get("format", ""):
            return str(pick.randint(0, 100))
        text = pick.choice(WORDS + ["".join(pick.choices(string.printable, k=8)) for _ in "ab"])
        return text.replace("\0", "0")[:schema.get("maxLength", 1000)]

    def members(self, schema):
        required = schema.get("required", [])
        return {name: self.value(member) for name, member in schema.get("properties", {}).items()
                if name in required or self.random.random() < 0.5}

    def wild_value(self, depth=0):
        pick = self.random
        return pick.choice([
            lambda: pick.choice(WORDS), lambda: None, lambda: pick.random() < 0.5,
            lambda: pick.randint(-2**70, 2**70), lambda: pick.random() * 10**pick.randint(0, 300),
            lambda: [self.wild_value(depth + 1) for _ in range(0 if depth > 3 else 3)],
            lambda: {pick.choice(WORDS): self.wild_value(depth + 1)} if depth < 4 else {},
        ])()

    def nearly(self, members):
        """One thing about it is wrong."""
        pick = self.random
        members = dict(members)
        names = list(members) or ["missing"]
        name = pick.choice(names)
        change = pick.randrange(4)
        if change == 0:
            members.pop(name, None)
        elif change == 1:
            members[pick.choice(["no_such", name + "x", "", "ü"])] = 1
        else:
            members[name] = self.wild_value() if change == 2 else pick.choice(
                ["x", "99999999999999999999", -1, 10**20, 1.5, True, [], {}, None])
        return members

    # Headers

    def headers(self, call, kind):
        pick = self.random
        found = {}
        for parameter in call.described["parameters"]:
            name = parameter["name"]
            if parameter["in"] != "header":
                continue
            if not (parameter.get("required") or pick.random() < 0.12):
                continue
            if name == "Idempotency-Key":
                found[name] = f'"{pick.randrange(10**6)}"'
            elif name == "Consistency-Token":
                if self.tokens:
                    found[name] = pick.choice(self.tokens)
            elif name == "If-None-Match" and self.tags:
                found[name] = pick.choice(self.tags)
            else:
                found[name] = pick.choice(HEADERS.get(name) or ["x"]).replace(
                    "{job}", pick.choice(self.jobs))
        if pick.random() < 0.1:
            found["Accept-Encoding"] = "identity"
        if kind == "wild" and pick.random() < 0.6:
            found.update([pick.choice(WILD_HEADERS)])
        return {name: value.encode("utf-8") for name, value in found.items()}

    # Calls

    def make(self):
        pick = self.random
        kind = pick.choices(KINDS, (5, 4, 2))[0]
        call = pick.choice(self.document.calls)
        path = call.path.replace("{id}", urllib.parse.quote(pick.choice(self.jobs)))
        headers = self.headers(call, kind)
        if call.method != "POST":
            return Sent(kind, call, call.method, path + self.query(call, kind), headers, None)
        headers.setdefault("Content-Type", b"application/json")
        method = "QUERY" if path.startswith("/v1/queries/") and pick.random() < 0.2 else "POST"
        return Sent(kind, call, method, path, headers, self.body(call, kind))

    def query(self, call, kind):
        pick = self.random
        fields = {}
        for parameter in call.described["parameters"]:
            if parameter["in"] != "query":
                continue
            if parameter.get("required") or pick.random() < 0.5:
                schema = parameter.get("schema")
                value = self.value(schema) if schema else json.dumps(self.value({}))
                if value is not None:
                    fields[parameter["name"]] = value
        if not call.path.startswith("/v1/queries/"):
            return "?x=1" if kind == "nearly" and pick.random() < 0.2 else ""
        if kind == "nearly":
            fields = self.nearly(fields)
        pairs = [(name, item) for name, value in fields.items()
                 for item in (value if isinstance(value, list) else [value])]
        text = urllib.parse.urlencode([
            (name, str(item).lower() if isinstance(item, bool) else
             json.dumps(item) if isinstance(item, dict) else item) for name, item in pairs])
        if kind == "wild":
            text += pick.choice(["&%ff=1", "&%zz", "&=", "&a=1&a=2", "&token=x", "&x[]=1", "&" * 9,
                                 "&n=" + "9" * 400])
        return "?" + text if text else ""

    def body(self, call, kind):
        pick = self.random
        schema = call.described["requestBody"]["content"]["application/json"]["schema"]
        value = self.value(schema)
        if kind == "nearly" and isinstance(value, dict):
            value = self.nearly(value)
        if kind == "wild":
            if pick.random() < 0.4:
                return pick.choice([b"", b"{", b"[]", b"null", b'{"a":1,"a":2}', b"\xff\xfe",
                                    b"[" * 100, b'{"x":"\\u0000"}', b"{} {}", b'"text"', b"7"])
            value = self.wild_value()
        return json.dumps(value, ensure_ascii=pick.random() < 0.5).encode("utf-8", "replace")

    def learn(self, reply):
        """Tokens, tags and jobs that a later call may name."""
        for name, kept in (("consistency-token", self.tokens), ("etag", self.tags)):
            if name in reply.headers:
                kept.append(reply.headers[name])
        if reply.status == 202 and "location" in reply.headers:
            self.jobs.append(reply.headers["location"].rpartition("/")[2])
        for kept in (self.tokens, self.tags, self.jobs):
            del kept[:-20]


class Talker:
    """One connection, kept alive; a call without a reply is reported, and not made again."""

    def __init__(self, address, timeout_s):
        self.host, _, self.port = address.rpartition(":")
        self.timeout_s = timeout_s
        self.connection = None

    def ask(self, sent):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, int(self.port),
                                                         timeout=self.timeout_s)
        self.connection.putrequest(sent.method, sent.target, skip_accept_encoding=True)
        for name, value in sent.headers.items():
            self.connection.putheader(name, value)
        if sent.body is not None:
            self.connection.putheader("Content-Length", str(len(sent.body)))
        self.connection.endheaders(sent.body)
        answer = self.connection.getresponse()
        body = answer.read()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if headers.get("content-encoding") == "gzip" and body:
            body = gzip.decompress(body)
        if headers.get("connection") == "close":
            self.connection.close()
            self.connection = None
        return Reply(answer.status, headers, body)


class Tally:
    """What came of all calls."""

    def __init__(self, count, progress):
        self.lock = threading.Lock()
        self.left, self.made, self.count = count, 0, count
        self.by = collections.Counter()
        self.wrong = collections.Counter()
        self.example = {}
        self.progress = progress

    def take(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def note(self, sent, status, lines):
        with self.lock:
            self.made += 1
            self.by[sent.kind, status] += 1
            for line in lines:
                text = f"{sent.call.operation}: {line}"
                self.wrong[text] += 1
                self.example.setdefault(text, sent)
            if self.progress and self.made % self.progress == 0:
                print(f"{self.made} of {self.count} calls, {sum(self.wrong.values())} misfits",
                      flush=True)

    def report(self, most=40):
        return "\n".join(
            f"{count}x {text}\n    {self.example[text].method} {self.example[text].target} "
            f"{self.example[text].headers} {self.example[text].body}"
            for text, count in self.wrong.most_common(most))


def work(document, address, seed, tally):
    maker, talker = Maker(document, seed), Talker(address, 60)
    while tally.take():
        sent = maker.make()
        try:
            reply = talker.ask(sent)
        except (OSError, EOFError, http.client.HTTPException) as failure:
            talker.connection = None
            tally.note(sent, "lost", [f"the connection was lost: {failure!r}"])
            continue
        lines = document.misfits(sent.call, reply)
        if reply.status >= 500 and reply.status not in (503, 504):
            lines.append(f"it is {reply.status}: {reply.body[:300]!r}")
        maker.learn(reply)
        tally.note(sent, reply.status, lines)


def run(whole, address, count, seed=1, connections=4, progress=0, skip=()):
    """Makes so many calls, and tells what came of them."""
    document, tally = Document(whole, skip), Tally(count, progress)
    workers = [threading.Thread(target=work, args=(document, address, f"{seed}.{number}", tally))
               for number in range(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return tally
