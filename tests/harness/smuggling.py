"""Requests out of whose bytes two programs could read different requests, and some that look so.

In each set: what it is called, and the bytes. Behind them comes a marker, a whole command that
writes a row; `{marker}` in the bytes stands for another one, hidden where a body may be.
"""

TARGET = b"/v1/queries/undeclared"
GET = b"GET /v1/queries/ping HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
JSON = b"Content-Type: application/json\r\n"
POST = b"POST " + TARGET + b" HTTP/1.1\r\n"
BODY = b'{"first":1,"second":2}'
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"
CHUNKS = b"16\r\n" + BODY + b"\r\n" + LAST


def marker(writer, number):
    """A command that leaves a row (writer, number) in the ledger."""
    body = b'{"number":%d}' % number
    return (b"POST /v1/commands/append HTTP/1.1\r\nHost: x\r\nX-User-Id: " + writer.encode()
            + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body)


def post(*lines, body=BODY, start=POST, host=HOST):
    return start + host + JSON + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def get(*lines, start=GET, host=HOST):
    return start + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def line(method=b"GET", target=b"/v1/queries/ping", version=b"HTTP/1.1", between=b" "):
    return get(start=method + between + target + between + version + b"\r\n")


def chunks(body, *lines):
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


# Refused, and the connection is closed: nothing behind them is ever a request.
REFUSED = {
    # Two ways to say how long the body is.
    "length and chunks": post(b"Content-Length: 22", b"Transfer-Encoding: chunked", body=CHUNKS),
    "chunks and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=CHUNKS),
    "length 0 and chunks": post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=CHUNKS),
    "length of the hidden one, and no chunk":
        post(b"Content-Length: 300", b"Transfer-Encoding: chunked", body=LAST + b"{marker}"),
    "chunk that hides one, and a short length":
        post(b"Content-Length: 4", b"Transfer-Encoding: chunked",
             body=b"ff\r\n{marker}" + b"\r\n" + LAST),
    "two lengths": post(b"Content-Length: 22", b"Content-Length: 5"),
    "two lengths, the shorter first": post(b"Content-Length: 5", b"Content-Length: 22"),
    "two equal lengths": post(b"Content-Length: 22", b"Content-Length: 22"),
    "two lengths in odd letters": post(b"Content-Length: 22", b"cONTENT-lENGTH: 0"),
    "a list of lengths": post(b"Content-Length: 22, 22"),
    "a list without blanks": post(b"Content-Length: 22,22"),
    "two numbers": post(b"Content-Length: 22 22"),
    # Lengths that are no plain number.
    "blank before the colon": post(b"Content-Length : 22"),
    "tab before the colon": post(b"Content-Length\t: 22"),
    "length with a plus": post(b"Content-Length: +22"),
    "negative length": post(b"Content-Length: -22"),
    "hexadecimal length": post(b"Content-Length: 0x16"),
    "length with words": post(b"Content-Length: 22abc"),
    "length with a point": post(b"Content-Length: 22.0"),
    "length with an exponent": post(b"Content-Length: 2e1"),
    "length with blanks behind it": post(b"Content-Length: 22 \t"),
    "quoted length": post(b'Content-Length: "22"'),
    "empty length": post(b"Content-Length:"),
    "length of 2^64 + 22": post(b"Content-Length: 18446744073709551638"),
    "length of 2^63": post(b"Content-Length: 9223372036854775808"),
    "huge length": post(b"Content-Length: " + b"9" * 40),
    "length with a NUL": post(b"Content-Length: 2\x002"),
    "length with a form feed": post(b"Content-Length: \x0c22"),
    "length with a vertical tab": post(b"Content-Length:\x0b22"),
    "folded length": post(b"Content-Length:\r\n 22"),
    "length folded in the middle": post(b"Content-Length: 2\r\n 2"),
    "length behind a bare CR": post(b"X-A: b\rContent-Length: 22"),
    "length behind a bare LF": post(b"X-A: b\nContent-Length: 22"),
    "length with a low line for the hyphen, and one of its own":
        post(b"Content-Length: 22", b"Content Length: 5"),
    # Transfer codings.
    "unknown coding": post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "coding before chunked": post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS),
    "identity before chunked": post(b"Transfer-Encoding: identity, chunked", body=CHUNKS),
    "identity after chunked": post(b"Transfer-Encoding: chunked, identity", body=CHUNKS),
    "identity": post(b"Transfer-Encoding: identity", b"Content-Length: 22"),
    "chunked twice in a list": post(b"Transfer-Encoding: chunked, chunked", body=CHUNKS),
    "chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked",
                          body=CHUNKS),
    "chunked, and then something else": post(b"Transfer-Encoding: chunked",
                                             b"Transfer-Encoding: x", body=CHUNKS),
    "blank before the colon of a coding": post(b"Transfer-Encoding : chunked", body=CHUNKS),
    "tab before the colon of a coding": post(b"Transfer-Encoding\t: chunked", body=CHUNKS),
    "quoted coding": post(b'Transfer-Encoding: "chunked"', body=CHUNKS),
    "coding with a parameter": post(b"Transfer-Encoding: chunked;a=b", body=CHUNKS),
    "coding with a comma": post(b"Transfer-Encoding: ,chunked", body=CHUNKS),
    "coding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=CHUNKS),
    "coding with a NUL": post(b"Transfer-Encoding: chunked\x00", body=CHUNKS),
    "coding with a byte of 8 bits": post(b"Transfer-Encoding: chunked\xff", body=CHUNKS),
    "folded coding": post(b"Transfer-Encoding:\r\n chunked", body=CHUNKS),
    "coding folded by a tab": post(b"Transfer-Encoding:\r\n\tchunked", body=CHUNKS),
    "coding behind a bare CR": post(b"X-A: b\rTransfer-Encoding: chunked", body=CHUNKS),
    "coding behind a bare LF": post(b"X-A: b\nTransfer-Encoding: chunked", body=CHUNKS),
    "coding behind a fold": post(b"X-A: b\r\n Transfer-Encoding: chunked", body=CHUNKS),
    "empty coding": post(b"Transfer-Encoding:", body=CHUNKS),
    "chunks in HTTP/1.0": post(b"Transfer-Encoding: chunked", body=CHUNKS,
                               start=POST.replace(b"1.1", b"1.0")),
    # Hosts.
    "two hosts": get(b"Host: y"),
    "two equal hosts": get(b"Host: x"),
    "no host": get(host=b""),
    "empty host": get(host=b"Host:\r\n"),
    "host with a path": get(host=b"Host: x/y\r\n"),
    "host with a user": get(host=b"Host: a@x\r\n"),
    "host with a blank": get(host=b"Host: x y\r\n"),
    "host with a comma": get(host=b"Host: x,y\r\n"),
    "host with a question mark": get(host=b"Host: x?y\r\n"),
    "host with a fragment": get(host=b"Host: x#y\r\n"),
    "host with a backslash": get(host=b"Host: x\\y\r\n"),
    "folded host": get(host=b"Host: x\r\n y\r\n"),
    "host behind a blank": get(host=b" Host: x\r\n"),
    "blank before the colon of the host": get(host=b"Host : x\r\n"),
    "host of 8 bits": get(host=b"Host: \xc3\xa4\r\n"),
    # Lines and names.
    "the first header is folded": GET + b" X-A: b\r\n" + HOST + b"\r\n",
    "lines that end with LF": get().replace(b"\r\n", b"\n"),
    "the request line ends with LF": get().replace(b"1.1\r\n", b"1.1\n"),
    "the head ends with LF": GET + HOST + b"\n",
    "the head ends with LF LF": GET + b"Host: x\n\n",
    "the head ends with CR LF LF": get(b"X-A: b\r")[:-4] + b"\n\n",
    "CR CR LF": get(b"X-A: b\r"),
    "NUL in a name": get(b"X\x00A: b"),
    "NUL in a value": get(b"X-A: a\x00b"),
    "NUL at the end of a value": get(b"X-A: a\x00"),
    "control character in a value": get(b"X-A: a\x01b"),
    "DEL in a value": get(b"X-A: a\x7fb"),
    "bare CR in a value": get(b"X-A: a\rb"),
    "bare CR in a name": get(b"X\rA: b"),
    "blank in a name": get(b"X A: b"),
    "empty name": get(b": b"),
    "name of 8 bits": get(b"X-\xc3\xa4: b"),
    "name in brackets": get(b"X(A): b"),
    "a line without colon": get(b"nonsense"),
    "a line of blanks": get(b"  "),
    # The request line.
    "HTTP/1.9": line(version=b"HTTP/1.9"),
    "HTTP/1.2": line(version=b"HTTP/1.2"),
    "HTTP/2.0": line(version=b"HTTP/2.0"),
    "HTTP/0.9": line(version=b"HTTP/0.9"),
    "HTTP/1.10": line(version=b"HTTP/1.10"),
    "HTTP/01.1": line(version=b"HTTP/01.1"),
    "http in small letters": line(version=b"http/1.1"),
    "HTTP of something else": line(version=b"ICAP/1.1"),
    "no version": b"GET /v1/queries/ping\r\n" + HOST + b"\r\n",
    "words behind the version": line(version=b"HTTP/1.1 x"),
    "blank behind the version": line(version=b"HTTP/1.1 "),
    "tabs between": line(between=b"\t"),
    "two blanks between": line(between=b"  "),
    "a blank before the method": b" " + get(),
    "a tab before the method": b"\t" + get(),
    "NUL before the method": b"\x00" + get(),
    "an absolute target": line(target=b"http://x/v1/queries/ping"),
    "an absolute target elsewhere": line(target=b"http://evil/v1/queries/ping"),
    "an asterisk": line(target=b"*"),
    "an asterisk for OPTIONS": line(method=b"OPTIONS", target=b"*"),
    "an authority": line(method=b"CONNECT", target=b"x:80"),
    "a fragment": line(target=b"/v1/queries/ping#a"),
    "a blank in the target": line(target=b"/v1/queries/ping HTTP/1.1 x"),
    "a target without slash": line(target=b"v1/queries/ping"),
    "a target of 8 bits": line(target=b"/v1/queries/ping\xc3\xa4"),
    "NUL in the target": line(target=b"/v1/queries/ping\x00x"),
    "bare CR in the target": line(target=b"/v1/queries/ping\rx"),
    "unknown method": line(method=b"GETS"),
    "method in small letters": line(method=b"get"),
    "method with a control character": line(method=b"G\x01T"),
    "method with a byte of 8 bits": line(method=b"GET\xff"),
    "method with a colon": line(method=b"GET:"),
    "TRACE": line(method=b"TRACE"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    # Chunks.
    "chunk size with 0x": chunks(b"0x16\r\n" + BODY + b"\r\n" + LAST),
    "chunk size with a plus": chunks(b"+16\r\n" + BODY + b"\r\n" + LAST),
    "negative chunk size": chunks(b"-16\r\n" + BODY + b"\r\n" + LAST),
    "chunk size behind a blank": chunks(b" 16\r\n" + BODY + b"\r\n" + LAST),
    "chunk size before a blank": chunks(b"16 \r\n" + BODY + b"\r\n" + LAST),
    "chunk size with a low line": chunks(b"1_6\r\n" + BODY + b"\r\n" + LAST),
    "chunk size of 2^64 + 22": chunks(b"10000000000000016\r\n" + BODY + b"\r\n" + LAST),
    "chunk size of 2^64 - 1": chunks(b"f" * 16 + b"\r\n" + BODY + b"\r\n" + LAST),
    "empty chunk size": chunks(b"\r\n" + BODY + b"\r\n" + LAST),
    "a chunk extension without a size": chunks(b";a=b\r\n" + BODY + b"\r\n" + LAST),
    "no CR LF behind a chunk": chunks(b"16\r\n" + BODY + LAST),
    "words behind a chunk": chunks(b"16\r\n" + BODY + b"xx\r\n" + LAST),
    "a chunk shorter than its size": chunks(b"ff\r\n" + BODY + b"\r\n" + LAST),
    "a trailer without colon": chunks(b"16\r\n" + BODY + b"\r\n0\r\nnonsense\r\n\r\n"),
    # A refusal may not lose count of what follows.
    "a body that is too large": post(b"Content-Length: 1048577", body=b"{marker}"),
}

# Whole and legal requests, or such as libmicrohttpd before 1.0 takes for legal: answered, and then
# the connection is closed, so that nobody's idea of where they end matters.
CLOSED = {
    "chunks": chunks(CHUNKS),
    "a chunk extension": chunks(b"16;a=b\r\n" + BODY + b"\r\n" + LAST),
    "a quoted chunk extension": chunks(b'16;a="\r\n' + BODY + b"\r\n" + LAST),
    "a chunk extension with LF": chunks(b"16;a\nb\r\n" + BODY + b"\r\n" + LAST),
    "a chunk size line that ends with LF": chunks(b"16\n" + BODY + b"\r\n" + LAST),
    "a chunk that ends with LF": chunks(b"16\r\n" + BODY + b"\n" + LAST),
    "a last chunk that ends with LF": chunks(b"16\r\n" + BODY + b"\r\n0\n\r\n"),
    "chunks that end with LF LF": chunks(b"16\r\n" + BODY + b"\r\n0\n\n"),
    "a bare CR in a chunk extension": chunks(b"16;a\rb\r\n" + BODY + b"\r\n" + LAST),
    "a size with zeros before it": chunks(b"0000016\r\n" + BODY + b"\r\n" + LAST),
    "a trailer that is a length":
        chunks(b"16\r\n" + BODY + b"\r\n0\r\nContent-Length: 300\r\n\r\n"),
    "a trailer that is a coding":
        chunks(b"16\r\n" + BODY + b"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a trailer that is a host": chunks(b"16\r\n" + BODY + b"\r\n0\r\nHost: y\r\n\r\n"),
    "a trailer with a fold": chunks(b"16\r\n" + BODY + b"\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
    "a trailer with a bare LF": chunks(b"16\r\n" + BODY + b"\r\n0\r\nX-A: b\nX-B: c\r\n\r\n"),
    "a GET with chunks": get(b"Transfer-Encoding: chunked") + LAST,
    "HTTP/1.0": line(version=b"HTTP/1.0"),
    "HTTP/1.0 that wants to stay":
        get(b"Connection: keep-alive", start=GET.replace(b"1.1", b"1.0")),
    "a wish to close": get(b"Connection: close"),
}

# Unambiguous: what follows is a request of its own, and is served.
LEGAL = {
    "a plain GET": get(),
    "a length": post(b"Content-Length: 22"),
    "a length with blanks before it": post(b"Content-Length: \t 22"),
    "a length with zeros before it": post(b"Content-Length: 0022"),
    "a GET with a body": get(b"Content-Length: 22") + BODY,
    "a refused request with a body": post(b"Content-Length: 22", b"Consistency: nonsense"),
    "a body of no JSON": post(b"Content-Length: 5", body=b"GET /"),
    "a body that looks like a request":
        post(b"Content-Length: 40", body=b"GET /v1/queries/ping HTTP/1.1\r\nHost: x\r\n"),
    "empty lines before": b"\r\n\r\n" + get(),
    "Expect twice": get(b"Expect: 100-continue", b"Expect: 200-ok"),
    "Upgrade": get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                   b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
    "Upgrade to a web socket": get(b"Connection: Upgrade", b"Upgrade: websocket"),
    "names with low lines": get(b"Content_Length: 22", b"Transfer_Encoding: chunked"),
    "a value of 8 bits": get(b"X-A: \xff\xc3\xa4"),
}
