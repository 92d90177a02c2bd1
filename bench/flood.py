"""A row of latency: callers with a key beside others whose credentials fail."""

import base64
import json
import os
import subprocess
import sys

from latency import loadgen_line, quick
from stage import LOADGEN, ROOT, alternate

sys.path.insert(0, str(ROOT / "tests"))

from harness.keys import Keys  # noqa: E402

# The key of RFC 7515, A.3: of all algorithms a signature of ES256 takes longest to verify.
JWKS = {"keys": [{"kty": "EC", "kid": "ec", "crv": "P-256",
                  "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                  "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
FLOOD_PER_S = 2000
# Each address may fail 20 times a minute: 400 signatures are verified each second, and 20,000 by
# the time that all of them are limited.
SOURCES = 1000
AHEAD_S = 1
BOUND = 1.5


def part(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged_token():
    claims = {"iss": "https://id.example", "aud": "shop", "sub": "ann", "exp": 4102444800}
    return ".".join([part({"alg": "ES256", "kid": "ec"}), part(claims), part(b"\x11" * 64)])


def bearer(credential):
    return ["--header", f"Authorization: Bearer {credential}"]


class Flood:
    """Requests at a constant rate while others are measured."""

    def __init__(self, stage, target, sources, header):
        self.words = ["--get", target, "--rate", str(FLOOD_PER_S), "--schedule", "constant",
                      "--connections", str(max(sources, 64)), "--sources", str(sources),
                      "--warmup", "0", "--seconds", str(stage.given.seconds + 3 * AHEAD_S), *header]
        self.results = []

    def beside(self, service, measure):
        with subprocess.Popen([LOADGEN, "--to", service.address, "--json", *self.words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            figure = measure()
            self.results.append(json.loads(process.communicate()[0])["classes"][0])
        return figure


def serve(stage):
    """A service whose callers have keys of a file, or tokens; and the text of a key."""
    program = os.environ.get("CQRSD", str(ROOT / "build" / "cqrsd"))
    os.environ["CQRSD"] = program
    keys = stage.write("keys", "")
    key = Keys(file=str(keys)).create(acts_for="any")
    jwks = stage.write("jwks.json", json.dumps(JWKS))
    return stage.serve(keys_file=keys, jwt_keys=jwks, jwt_issuer="https://id.example",
                       jwt_audience="shop", auth="required", pool_conns=8), key.text


def beside_failures(stage, result):
    service, key = serve(stage)
    rate = stage.given.rate or 1000
    wrong = key[:-20] + ("A" if key[-20] != "A" else "B") + key[-19:]
    floods = {
        "no credential, 401": Flood(stage, quick(stage), 1, []),
        "mistyped keys of one address": Flood(stage, quick(stage), 1, bearer(wrong)),
        "forged tokens of one address": Flood(stage, quick(stage), 1, bearer(forged_token())),
        f"forged tokens of {SOURCES} addresses": Flood(stage, quick(stage), SOURCES,
                                                       bearer(forged_token())),
    }
    arguments = ["--get", quick(stage), "--rate", str(rate), *bearer(key)]
    line = loadgen_line(*arguments[:-1], "Authorization: Bearer KEY")

    def p99():
        read = stage.loadgen(service.address, *arguments)["classes"][0]
        if read["ok"] < read["planned"]:
            result.remarks.append(f"{read['planned'] - read['ok']} of the callers' requests "
                                  "without a good answer")
        return read["answered_us"]["p99"] / 1000
    sides = [(result.side("p99 of callers alone", line, "ms"), p99)]
    for name, flood in floods.items():
        sides.append((result.side(f"p99 beside {name}", ["the same"], "ms"),
                      lambda flood=flood: flood.beside(service, p99)))
    p99()
    alternate(sides, stage.given.runs)
    alone, unknown, *failing = [side for side, _ in sides]
    result.check("p99 beside requests without a credential, to alone",
                 unknown.median / alone.median, "×")
    for side in failing:
        result.check(f"{side.name}, to beside those without", side.median / unknown.median, "×",
                     ("<=", BOUND))
    for name, flood in floods.items():
        result.remarks.append(f"{FLOOD_PER_S}/s, {name}: " + told(flood.results))
    stage.stop(service)


def told(results):
    codes = {}
    for one in results:
        for code, count in one["outcomes"].items():
            codes[code] = codes.get(code, 0) + count
    return ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
