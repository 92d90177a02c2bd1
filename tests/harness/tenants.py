# SPDX-License-Identifier: Apache-2.0
"""Many users of two tenants who ask at once, and what none of them may ever see.

One thread, one request under way on each of many connections, callers of all kinds mixed; every
answer is looked through for what belongs to another tenant.
"""

import collections
import json
import random
import re
import selectors
import socket
import time

MEMBERS = {"ann": "red", "rob": "red", "bob": "blue", "bea": "blue", "eve": None, None: None}
OTHER = {"red": b'"blue', "blue": b'"red'}
SOMEBODYS = re.compile(rb'"(red|blue)')
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
CELLS, LINES = 8, 400
# What a loaded service may answer instead.
REFUSALS = (409, 429, 503, 504)

SCHEMA = f"""
SET ROLE tenants_owner;
CREATE TABLE tenants.cells (tenant text NOT NULL, n int, value bigint NOT NULL DEFAULT 0,
                            PRIMARY KEY (tenant, n));
CREATE TABLE tenants.lines (tenant text NOT NULL, n int, filler text NOT NULL);
CREATE FUNCTION tenants.seen() RETURNS text LANGUAGE sql STABLE
RETURN concat_ws(' ', NULLIF(current_setting('request.user', true), ''),
                 NULLIF(current_setting('request.jwt.claims', true), ''),
                 NULLIF(current_setting('request.roles', true), ''));
RESET ROLE;
INSERT INTO tenants.cells SELECT t, n FROM unnest('{{red,blue}}'::text[]) AS t,
                                          generate_series(0, {CELLS - 1}) AS n;
INSERT INTO tenants.lines SELECT t, n, repeat('x', 300) FROM unnest('{{red,blue}}'::text[]) AS t,
                                                             generate_series(1, {LINES}) AS n;
ALTER TABLE tenants.cells ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants.lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenants.cells USING (tenant = (SELECT tenants.current_tenant()));
CREATE POLICY own_tenant ON tenants.lines USING (tenant = (SELECT tenants.current_tenant()));
GRANT SELECT, UPDATE ON tenants.cells TO tenants_app;
GRANT SELECT ON tenants.lines TO tenants_app;
GRANT USAGE ON SCHEMA cqrsd TO tenants_app;
GRANT SELECT ON cqrsd.token_key TO tenants_app;
GRANT SELECT, UPDATE (last_used) ON cqrsd.api_key TO tenants_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON cqrsd.idempotency_key TO tenants_app;
"""
CLEAN = "DROP SCHEMA tenants CASCADE; DROP OWNED BY tenants_app, tenants_owner;" \
        "DROP ROLE tenants_app, tenants_owner;"

CATALOG = """
-- query: public_seen :one
-- @public
-- @claims
SELECT tenants.seen() AS seen;

-- query: public_articles :many
-- @public
-- @claims
SELECT tenant, sku FROM tenants.articles;

-- query: unclaimed :many
SELECT tenant FROM tenants.purchases LIMIT 5;

-- query: seen_without :one
SELECT tenants.seen() AS seen;

-- query: seen :one
-- @claims
SELECT tenants.seen() AS seen;

-- query: lines :many
-- @claims
SELECT tenant, n, filler FROM tenants.lines ORDER BY n;

-- query: fails :one
-- @param by int
-- @claims
SELECT 1 / :by AS n;

-- command: command_seen :one
-- @claims
SELECT tenants.seen() AS seen;

-- command: command_seen_without :one
SELECT tenants.seen() AS seen;

-- command: unclaimed_change :exec
UPDATE tenants.cells SET value = value + 1000000;

-- command: bump :maybe
-- @param n int
-- @claims
UPDATE tenants.cells SET value = value + 1 WHERE n = :n RETURNING tenant, n;

-- command: bump_strictly :maybe
-- @param n int
-- @isolation serializable
-- @claims
UPDATE tenants.cells SET value = value + 1 WHERE n = :n RETURNING tenant, n;

-- command: steal :exec
-- @param tenant text
-- @claims
INSERT INTO tenants.purchases (tenant, sku, quantity) VALUES (:tenant, 'pen', 1);
"""

QUERY = re.compile(r"^(-- query: .*)$", re.M)
KEPT = ("articles", "purchases", "seen", "public_seen", "public_articles", "seen_without",
        "unclaimed")


def keeping(catalog):
    """The same operations, with @cache for each query: short, so that answers are renewed, too."""
    return QUERY.sub(r"\1\n-- @cache 500ms swr=500ms\n-- @reads tenants.members", catalog)


def hits(metrics):
    """{name: how many answers came from the cache}, of the queries whose answers can."""
    return {name: sum(metrics.sum("cqrsd_cache_requests_total", name=name, result=result)
                      for result in ("hit", "stale")) for name in KEPT}


def own_rows(field):
    """A list: rows of the caller's tenant only; without a tenant, no rows."""
    def check(caller, body):
        rows = json.loads(body)["data"]
        return all(row[field] == caller.tenant for row in rows) and \
            bool(rows) == bool(caller.tenant)
    return check


def whole_stream(caller, body):
    mine = caller.tenant and f'"{caller.tenant}"'.encode()
    return body.count(b'"filler"') == (body.count(mine) if mine else 0) == (LINES if mine else 0)


def own_row(caller, body):
    row = json.loads(body)["data"]
    return row is None if caller.tenant is None else row["tenant"] == caller.tenant


def own_settings(caller, body):
    return json.loads(body)["data"]["seen"] == caller.settings


def no_settings(caller, body):
    del caller
    return json.loads(body)["data"]["seen"] == ""


def nothing(caller, body):
    del caller
    return json.loads(body)["data"] == []


def no_change(caller, body):
    del caller
    return json.loads(body)["rows_affected"] == 0


# name: weight, query string or body, statuses with what must hold of the body; None: nothing
CALLS = {
    "q:articles": (10, lambda pick, tenant: "", {200: own_rows("tenant")}),
    "q:purchases": (10, lambda pick, tenant: f"?max={pick.randint(1, 5)}",
                    {200: own_rows("tenant")}),
    "q:seen": (10, lambda pick, tenant: "", {200: own_settings}),
    "q:public_seen": (4, lambda pick, tenant: "", {200: own_settings}),
    "q:public_articles": (4, lambda pick, tenant: "", {200: own_rows("tenant")}),
    "q:seen_without": (8, lambda pick, tenant: "", {200: no_settings}),
    "q:unclaimed": (8, lambda pick, tenant: "", {200: nothing}),
    "q:fails": (3, lambda pick, tenant: "?by=0", {422: None}),
    "q:lines": (1, lambda pick, tenant: "", {200: whole_stream}),
    # 422: the key of another tenant of this user
    "c:buy": (6, lambda pick, tenant: {"sku": "pen"}, {200: own_row, 403: None, 422: None}),
    "c:bump": (6, lambda pick, tenant: {"n": pick.randrange(CELLS)}, {200: own_row}),
    "c:bump_strictly": (4, lambda pick, tenant: {"n": pick.randrange(2)}, {200: own_row}),
    "c:steal": (3, lambda pick, tenant: {"tenant": "blue" if tenant == "red" else "red"},
                {403: None}),
    "c:command_seen": (5, lambda pick, tenant: {}, {200: own_settings}),
    "c:command_seen_without": (5, lambda pick, tenant: {}, {200: no_settings}),
    "c:unclaimed_change": (3, lambda pick, tenant: {}, {200: no_change}),
}


class Asking:
    """One connection with one request under way."""

    def __init__(self, load):
        self.load = load
        self.socket = None
        self.name = self.caller = None
        self.received = bytearray()

    def ask(self):
        pick = self.load.pick
        self.name = pick.choices(self.load.names, self.load.weights)[0]
        self.caller = pick.choice(self.load.callers)
        kind, name = self.name.split(":")
        values = CALLS[self.name][1](pick, self.caller.tenant)
        head = ["Host: 127.0.0.1", *self.caller.fields]
        if kind == "q":
            text = f"GET /v1/queries/{name}{values} HTTP/1.1"
            content = ""
        else:
            content = json.dumps(values)
            text = f"POST /v1/commands/{name} HTTP/1.1"
            head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
            if name == "buy" and pick.random() < 0.5:
                head.append(f'Idempotency-Key: "{self.load.key()}"')
        self.received.clear()
        self.socket.sendall("\r\n".join([text, *head, "", content]).encode())

    def connect(self):
        self.socket = socket.create_connection(self.load.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def take(self):
        """True: the answer is whole, and was looked through."""
        more = self.socket.recv(1 << 18)
        if not more:
            raise ConnectionError(f"{self.name} was cut off")
        self.received += more
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return False
        length = CONTENT_LENGTH.search(head)
        if length:
            whole = len(body) >= int(length[1])
        else:
            whole = body.endswith(b"0\r\n\r\n")
            body = unchunked(bytes(body)) if whole else body
        if whole:
            self.load.judge(self, int(head.split(b" ", 2)[1]), bytes(body))
        return whole


def unchunked(body):
    out = []
    while body:
        size, _, body = body.partition(b"\r\n")
        out.append(body[:int(size, 16)])
        body = body[int(size, 16) + 2:]
    return b"".join(out)


class TenantsLoad:
    """run() asks; violations holds what no caller may see, or no service may answer."""

    def __init__(self, address, callers, connections=48, seed=1, names=tuple(CALLS)):
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.callers = callers
        self.names, self.weights = names, [CALLS[name][0] for name in names]
        self.connections = connections
        self.seed = seed
        self.pick = random.Random(seed)
        self.answers = collections.Counter()
        self.violations = []
        self.keys = 0

    def key(self):
        """Mostly a new one; sometimes an earlier one, which may be another user's."""
        self.keys += 1
        number = self.keys if self.pick.random() < 0.8 else self.pick.randint(1, self.keys)
        return f"{self.seed}-{number}"

    def judge(self, asking, status, body):
        self.answers[asking.name, status] += 1
        if not self.is_right(asking, status, body):
            self.violations.append((asking.name, asking.caller, status, body[:300]))

    def is_right(self, asking, status, body):
        caller = asking.caller
        expected = CALLS[asking.name][2]
        if (OTHER[caller.tenant] in body) if caller.tenant else SOMEBODYS.search(body):
            return False
        if not caller.known and not asking.name.startswith("q:public"):
            return status == 401
        if status not in expected:
            return status in REFUSALS
        return expected[status] is None or expected[status](caller, body)

    def run(self, calls, seconds=600):
        until_s, begun = time.monotonic() + seconds, 0
        with selectors.DefaultSelector() as selector:
            for _ in range(min(self.connections, calls)):
                asking = Asking(self)
                asking.connect()
                selector.register(asking.socket, selectors.EVENT_READ, asking)
                asking.ask()
                begun += 1
            while selector.get_map():
                for key, _ in selector.select(10):
                    if not key.data.take():
                        continue
                    if begun < calls and time.monotonic() < until_s:
                        key.data.ask()
                        begun += 1
                    else:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
        return begun
