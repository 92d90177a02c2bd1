"""Malformed requests and catalogs without end, the same for the same seed."""

import json
import random
import string

COMMANDS = {"place_order": '{"customer_id":7,"sku":"pen","quantity":2,"note":"soon, please"}',
            "products.describe": '{"sku":"pen","tags":["a","b"],"attributes":{"x":[1,2.5,null]}}',
            "adjust_stock": '{"sku":"pen","change":-5}'}
QUERIES = ("orders_by_customer", "order_by_id", "product_by_sku", "products.search", "top_products")
TYPED = ("int2", "int4", "int8", "float8", "numeric", "bool", "uuid", "date", "timestamptz", "time",
         "interval", "bytea", "inet", "mood", "int4range", "int4_array", "bool_array")
# Text that is no value of any of the types above.
NO_VALUE = ("", " ", "zzz", "1e", "--1", "0x1F", "1,2", "{", "}", "[1", "NULL", "\u00e9", "'",
            "9" * 400, "-" + "9" * 30 + "x", "2025-13-45", "25:61:61", "%s%n", "../..", "1;2", "*")
# But for these: bytea takes base64 of either alphabet, numeric takes hundreds of digits, and in an
# interval PostgreSQL passes over the bracket.
VALUES = {"bytea": ("", "0x1F", "NULL", "9" * 400, "-" + "9" * 30 + "x"), "numeric": ("9" * 400,),
          "interval": ("[1",)}


class Request:
    """Bytes to send. whole: an answer may be waited for; else the sender stops half-way.

    framing: the head itself is broken, so that the answer need not be a problem document.
    """

    def __init__(self, kind, data, whole=True, framing=False):
        self.kind = kind
        self.data = data
        self.whole = whole
        self.framing = framing

    def __repr__(self):
        return f"<{self.kind} {self.data[:400]!r}>"


def head(method, target, headers=(), version=b"HTTP/1.1"):
    lines = [method + b" " + target + b" " + version, b"Host: x", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def post(target, body, *headers):
    return head(b"POST", b"/v1/" + target.encode(),
                (b"Content-Type: application/json", b"Content-Length: %d" % len(body), *headers)
                ) + body


def noise(dice, least=1, most=60):
    return bytes(dice.randrange(256) for _ in range(dice.randint(least, most)))


def word(dice, most=12):
    return "".join(dice.choice(string.ascii_lowercase + "_") for _ in range(dice.randint(3, most)))


def no_json(text):
    """True when no strict reader takes it for one JSON object."""
    def no_constant(name):
        raise ValueError(name)
    try:
        return not isinstance(json.loads(text, parse_constant=no_constant), dict)
    except (ValueError, RecursionError):
        return True


# One function per way to be wrong; each makes a Request.

def broken_json(dice):
    name, good = dice.choice(list(COMMANDS.items()))
    while True:
        body = bytearray(good.encode())
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(body))
            change = dice.randrange(4)
            if change == 0:
                del body[place:place + dice.randint(1, 5)]
            elif change == 1:
                body[place:place] = noise(dice, 1, 4)
            elif change == 2:
                body[place] = dice.choice(b'{}[]",:\\\x00\n-+.e')
            else:
                body = body[:place] + body[place // 2:]
            if not body:
                body = bytearray(b"{")
        if no_json(bytes(body)):
            return Request("broken JSON", post(f"commands/{name}", bytes(body)))


def wrong_type(dice):
    name = dice.choice(TYPED)
    text = dice.choice([text for text in NO_VALUE if text not in VALUES.get(name, ())])
    value = dice.choice([[], {}, [[]], {"a": 1}, [1, [2, 3], 4], text])
    if name.endswith("_array"):
        value = dice.choice([{}, {"a": [1]}, [dice.choice(NO_VALUE)], [[1], [2, 3]], [{}]])
    return Request("wrong type", post(f"queries/echo.{name}", json.dumps({"v": value}).encode()))


def huge_number(dice):
    sign = dice.choice(["", "-"])
    number = dice.choice([f"{sign}{'9' * dice.randint(20, 900)}", f"{sign}1e{'9' * 9}",
                          f"{sign}{dice.randint(1, 9)}e{dice.randint(400, 99999)}",
                          f"{sign}1{'0' * 400}.5", f"{sign}0.{'0' * 300}1"])
    return Request("huge number", post("commands/adjust_stock",
                                       f'{{"sku":"pen","change":{number}}}'.encode()))


def nul(dice):
    text = dice.choice(['"a\\u0000b"', '"\\u0000"', '"a\x00b"', '["\\u0000"]'])
    return Request("NUL", post("commands/products.describe", f'{{"sku":{text}}}'.encode()))


def deep(dice):
    depth = dice.randint(2000, 20000)
    opening = dice.choice([b"[", b'{"a":', b'[{"a":'])
    closing = {b"[": b"]", b'{"a":': b"}", b'[{"a":': b"}]"}[opening]
    inside = opening * depth + b"1" + (closing * depth if dice.random() < 0.7 else b"")
    return Request("deep nesting", post("commands/products.describe",
                                        b'{"sku":"pen","attributes":' + inside + b"}"))


def bad_utf8(dice):
    wrong = dice.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82",
                         b"\x80", b"\xf8\x88\x80\x80\x80", b"\\ud800", b"\\udc00\\ud800"])
    return Request("bad UTF-8", post("commands/products.describe", b'{"sku":"a' + wrong + b'b"}'))


def bad_utf8_target(dice):
    wrong = dice.choice([b"%ff", b"%c0%80", b"%ed%a0%80", b"%f5%80%80%80", b"%80", b"%00",
                         b"%e2%82"])
    return Request("bad UTF-8 in the target",
                   head(b"GET", b"/v1/queries/echo.text?v=a" + wrong + b"b"))


def unknown_key(dice):
    name, good = dice.choice(list(COMMANDS.items()))
    wrong = {**json.loads(good), f"x_{word(dice)}": dice.choice([1, None, [], "x"])}
    return Request("unknown key", post(f"commands/{name}", json.dumps(wrong).encode()))


def unknown_key_of_a_query(dice):
    target = f"/v1/queries/{dice.choice(QUERIES)}?x_{word(dice)}={word(dice)}"
    return Request("unknown key of a query", head(b"GET", target.encode()))


def twice(dice):
    key = dice.choice(["sku", "change"])
    value = {"sku": '"pen"', "change": "1"}[key]
    return Request("key given twice", post(
        "commands/adjust_stock", f'{{"sku":"pen","change":1,"{key}":{value}}}'.encode()))


def missing(dice):
    body = dice.choice([b"{}", b'{"sku":"pen"}', b'{"change":1}', b'{"sku":null,"change":1}'])
    return Request("missing parameter", post("commands/adjust_stock", body))


def unknown_operation(dice):
    name = dice.choice([word(dice), word(dice) * 10, "%20", "a.b.c.d", "A", "place_order.",
                        ".place_order", "place%00order", "%", "'", "place_order;"])
    return Request("unknown operation", post(f"commands/{name}", b"{}"), framing="%" in name)


def absurd_header(dice):
    name = dice.choice([b"X-" + b"a" * dice.randint(5000, 60000), b"X Y", b"X\x00Y", b"", b"\xff",
                        b"X(", b"X:Y\x01", b"X\x7f", b"{}", b"X\tY"])
    value = dice.choice([b"v", b"\x00", b"\x01\x02", b"", b"a" * 300])
    if name == b"X:Y\x01":
        value = b"v"
    return Request("absurd header", head(b"GET", b"/v1/queries/ping", (name + b": " + value,)),
                   framing=True)


def long_header(dice):
    header = b"X-Long: " + b"v" * dice.randint(9000, 200000)
    return Request("long header", head(b"GET", b"/v1/queries/ping", (header,)), framing=True)


def many_headers(dice):
    headers = tuple(b"X-%d: %s" % (n, b"v" * 20) for n in range(dice.randint(500, 3000)))
    return Request("many headers", head(b"GET", b"/v1/queries/ping", headers), framing=True)


def long_target(dice):
    return Request("long target", head(b"GET", b"/v1/queries/echo.text?v="
                                       + b"a" * dice.randint(9000, 100000)), framing=True)


def bad_length(dice):
    length = dice.choice([b"-1", b"+2", b"0x2", b"2 2", b"2,2", b"two", b"", b"9" * 30, b"2.0"])
    data = head(b"POST", b"/v1/commands/adjust_stock",
                (b"Content-Type: application/json", b"Content-Length: " + length)) + b"{}"
    return Request("bad length", data, whole=length != b"", framing=True)


def bad_version(dice):
    version = dice.choice([b"HTTP/1.9", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/11", b"http/1.1", b"FTP/1",
                           b"HTTP/1.1.1", b"HTTP/A.B"])
    return Request("bad version", head(b"GET", b"/v1/queries/ping", version=version),
                   whole=False, framing=True)


def bad_method(dice):
    method = dice.choice([word(dice).upper().encode(), b"get", b"G\x00T", b"{}", b"TRACE"])
    return Request("bad method", head(method, b"/v1/queries/ping"), framing=True)


def bad_token(dice):
    token = dice.choice([word(dice, 90), "A" * dice.randint(1, 96), "=" * 20, "x" * 500,
                         word(dice) + "," + word(dice), "0/16B3748"])
    return Request("bad token", head(b"GET", b"/v1/queries/ping",
                                     (b"Consistency-Token: " + token.encode(),)))


def bad_consistency(dice):
    value = dice.choice([word(dice), "session;wait=" + word(dice), "session;wait=-5",
                         "eventual;max-staleness=soon", "strong;max-staleness=-1", "7", "{}"])
    return Request("bad consistency", head(b"GET", b"/v1/queries/ping",
                                           (b"Consistency: " + value.encode(),)))


def bad_media_type(dice):
    body = b'{"sku":"pen","change":0}'
    kind = dice.choice([b"text/plain", b"application/jsonn", b"*/*", b"application/xml",
                        b"x" * 300, b"application/x-www-form-urlencoded"])
    return Request("bad media type", head(
        b"POST", b"/v1/commands/adjust_stock",
        (b"Content-Type: " + kind, b"Content-Length: %d" % len(body))) + body)


def cut_off(dice):
    name, good = dice.choice(list(COMMANDS.items()))
    data = post(f"commands/{name}", good.encode())
    return Request("cut off", data[:dice.randint(1, len(data) - 1)], whole=False, framing=True)


def bad_chunks(dice):
    chunk = dice.choice([b"zz\r\n{}\r\n", b"-1\r\n", b"2\r\n{}X0\r\n\r\n", b"f" * 20 + b"\r\n{}"])
    data = head(b"POST", b"/v1/commands/adjust_stock",
                (b"Content-Type: application/json", b"Transfer-Encoding: chunked")) + chunk
    return Request("bad chunks", data, whole=False, framing=True)


def pure_noise(dice):
    return Request("noise", noise(dice, 1, 500), whole=False, framing=True)


WAYS = (broken_json, broken_json, broken_json, wrong_type, wrong_type, huge_number, nul, deep,
        bad_utf8, bad_utf8_target, unknown_key, unknown_key_of_a_query, twice, missing,
        unknown_operation, absurd_header, long_header, many_headers, long_target, bad_length,
        bad_version, bad_method, bad_token, bad_consistency, bad_media_type, cut_off, bad_chunks,
        pure_noise)


def requests(count, seed):
    """count malformed requests; every way to be wrong comes up."""
    dice = random.Random(seed)
    for number in range(count):
        yield WAYS[number % len(WAYS)](dice)
