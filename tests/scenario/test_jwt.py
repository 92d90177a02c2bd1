# SPDX-License-Identifier: Apache-2.0
"""Callers with JSON Web Tokens: by a secret, by keys that a server publishes, and forged ones."""

import base64
import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import time

import pytest
from harness.service import run
from harness.until import until

SECRET = b"\x00 a secret of more than 32 raw bytes \xff"
ISSUER, AUDIENCE = "https://id.example", "shop"
CATALOG = """
-- query: ours :one
SELECT 1 AS n;

-- query: cleared :one
-- @roles clerk
SELECT 3 AS n;
"""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value):
    return b64(json.dumps(value).encode())


def claims(**changes):
    now = int(time.time())
    found = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300} | changes
    return {name: value for name, value in found.items() if value is not None}


def by_secret(secret=SECRET, **changes):
    text = part({"alg": "HS256"}) + "." + part(claims(**changes))
    return text + "." + b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())


class Signer:
    """An RSA key of an identity provider."""

    def __init__(self, folder, kid):
        self.kid, self.file = kid, str(folder / f"{kid}.pem")
        self.openssl("genrsa", "-out", self.file, "2048")

    def openssl(self, *args, data=None):
        return subprocess.run(["openssl", *args], input=data, check=True,
                              capture_output=True).stdout

    def jwk(self):
        hexa = self.openssl("rsa", "-in", self.file, "-noout", "-modulus").decode()
        modulus = bytes.fromhex(hexa.strip().partition("=")[2])
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": b64(modulus), "e": "AQAB"}

    def token(self, **changes):
        text = part({"alg": "RS256", "kid": self.kid}) + "." + part(claims(**changes))
        signature = self.openssl("dgst", "-sha256", "-sign", self.file, data=text.encode())
        return text + "." + b64(signature)


class KeyServer:
    """Publishes keys on loopback; keys None: answers 500."""

    def __init__(self, *signers):
        self.publish(*signers)
        self.asked = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(200 if outer.body else 500)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, *signers):
        self.body = json.dumps({"keys": [signer.jwk() for signer in signers]}).encode() \
            if signers else b""

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def ask(cqrsd, token, name="ours", **headers):
    return cqrsd.get(f"/v1/queries/{name}", headers=bearer(token) | headers)


@pytest.fixture
def by_secret_file(start_cqrsd, own_catalog, tmp_path):
    (tmp_path / "secret").write_bytes(SECRET)
    return start_cqrsd(catalog=own_catalog(CATALOG), jwt_secret_file=str(tmp_path / "secret"),
                       jwt_issuer=ISSUER, jwt_audience=AUDIENCE, log_level="debug")


def test_a_token_lets_in_and_its_roles_decide_what_it_may(by_secret_file):
    assert ask(by_secret_file, by_secret()).status == 200
    assert ask(by_secret_file, by_secret(), "cleared").status == 403
    assert ask(by_secret_file, by_secret(roles=["clerk"]), "cleared").data == {"n": 3}
    assert by_secret_file.query("ours").status == 401
    assert ask(by_secret_file, by_secret(), **{"X-User-Id": "ann"}).status == 200
    assert ask(by_secret_file, by_secret(), **{"X-User-Id": "bob"}).status == 403


@pytest.mark.parametrize("token, reason", [
    (by_secret(secret=SECRET + b"!"), "unknown-key"),
    (by_secret(aud="bank"), "audience"),
    (by_secret(aud=None), "audience"),
    (by_secret(exp=1), "expired"),
    (by_secret(iss="https://evil.example"), "issuer"),
    (by_secret(sub=None), "subject"),
    (part({"alg": "none"}) + "." + part(claims()) + ".AA", "algorithm"),
], ids=["secret", "aud", "no-aud", "exp", "iss", "no-sub", "none"])
def test_a_token_that_is_not_good_is_401_and_only_the_log_says_why(by_secret_file, token, reason):
    answer = ask(by_secret_file, token)

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert reason not in answer.body.decode()
    assert by_secret_file.metrics().sum("cqrsd_auth_failures_total", kind="jwt", reason=reason) == 1
    assert token not in by_secret_file.log_text()


def test_keys_of_a_url_replace_each_other(start_cqrsd, own_catalog, tmp_path):
    old, new = Signer(tmp_path, "old"), Signer(tmp_path, "new")
    server = KeyServer()
    try:
        cqrsd = start_cqrsd(catalog=own_catalog(CATALOG), jwt_keys=server.url, jwt_issuer=ISSUER,
                            jwt_audience=AUDIENCE)
        assert ask(cqrsd, old.token()).code == "keys-unknown"
        server.publish(old)
        until(lambda: ask(cqrsd, old.token()).status == 200)
        assert cqrsd.metrics().sum("cqrsd_jwt_keys_stale") == 0
        assert ask(cqrsd, new.token()).status == 401
        asked = server.asked
        for _ in range(5):
            assert ask(cqrsd, new.token()).status == 401
        assert server.asked == asked, "an unknown key is asked for once in 30 s"
    finally:
        server.close()
    assert ask(cqrsd, old.token()).status == 200, "the last good keys stay"


@pytest.mark.parametrize("options, complaint", [
    ({"jwt_keys": "http://id.example/keys"}, "must be https"),
    ({"jwt_keys": "keys.json", "jwt_secret_file": "secret"}, "choose one of them"),
    ({"jwt_keys": "keys.json", "jwt_audience": None}, "--jwt-audience: is wanted"),
    ({"jwt_keys": "keys.json", "jwt_issuer": None}, "--jwt-issuer: is wanted"),
    ({"jwt_keys": "/nowhere/keys.json"}, "No such file"),
    ({}, "there is neither --jwt-keys nor --jwt-secret-file"),
], ids=["http", "both", "no-audience", "no-issuer", "no-file", "no-keys"])
def test_options_that_cannot_be_meant_end_the_start(catalog, cluster, options, complaint):
    given = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE} | options
    done = run("serve", "--primary", cluster.primary.conninfo, "--catalog", str(catalog),
               "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
               *(word for name, value in given.items() if value
                 for word in ("--" + name.replace("_", "-"), value)))

    assert done.returncode != 0
    assert complaint in done.stderr
