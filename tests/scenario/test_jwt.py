# SPDX-License-Identifier: Apache-2.0
"""Callers with JSON Web Tokens: by a secret, by keys that a server publishes, and forged ones."""

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import subprocess
import threading
import time
from functools import partial

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


class Authority:
    """A certificate authority of one's own, and the certificates that it signs."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.file = str(folder / f"{name}.pem")
        self.openssl("req", "-x509", "-keyout", self.key, "-out", self.file, "-days", "2",
                     "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")

    @property
    def key(self):
        return str(self.folder / f"{self.name}.key")

    @staticmethod
    def openssl(verb, *args):
        made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        subprocess.run(["openssl", verb, *made, *args], check=True, capture_output=True)

    def context(self, host="IP:127.0.0.1"):
        """A server's context, with a certificate for the host."""
        file = str(self.folder / f"{self.name}-server.pem")
        self.openssl("req", "-x509", "-CA", self.file, "-CAkey", self.key, "-keyout", file + ".key",
                     "-out", file, "-days", "1", "-subj", "/CN=id",
                     "-addext", f"subjectAltName={host}",
                     "-addext", "basicConstraints=critical,CA:FALSE")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, file + ".key")
        return context


class KeyServer:
    """Publishes keys on loopback; keys None: answers 500. tls: the context of https."""

    def __init__(self, *signers, tls=None):
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
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/keys"
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


def by_none():
    return part({"alg": "none"}) + "." + part(claims()) + ".AA"


# Tokens are made when the story runs: those of the collection have expired by then.
@pytest.mark.parametrize("make, reason", [
    (partial(by_secret, secret=SECRET + b"!"), "unknown-key"),
    (partial(by_secret, aud="bank"), "audience"),
    (partial(by_secret, aud=None), "audience"),
    (partial(by_secret, exp=1), "expired"),
    (partial(by_secret, iss="https://evil.example"), "issuer"),
    (partial(by_secret, sub=None), "subject"),
    (by_none, "algorithm"),
], ids=["secret", "aud", "no-aud", "exp", "iss", "no-sub", "none"])
def test_a_token_that_is_not_good_is_401_and_only_the_log_says_why(by_secret_file, make, reason):
    token = make()
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


# --- https ---------------------------------------------------------------------------------------

def cannot_fetch(cqrsd):
    """What the log says of it, behind the metric."""
    return [line for line in cqrsd.log_lines() if "--jwt-keys cannot be fetched" in line["msg"]]


def start_by_url(start_cqrsd, folder, url, **env):
    return start_cqrsd(catalog=folder, jwt_keys=url, jwt_issuer=ISSUER, jwt_audience=AUDIENCE,
                       env=env)


def test_keys_by_https_stay_in_use_while_their_server_is_away(start_cqrsd, own_catalog, tmp_path):
    authority, signer = Authority(tmp_path), Signer(tmp_path, "a")
    server = KeyServer(signer, tls=authority.context())
    try:
        cqrsd = start_by_url(start_cqrsd, own_catalog(CATALOG), server.url,
                             SSL_CERT_FILE=authority.file)
        first = signer.token()
        until(lambda: ask(cqrsd, first).status == 200)
        assert cqrsd.metrics().sum("cqrsd_jwt_keys_stale") == 0
        fetched = cqrsd.metrics().sum("cqrsd_jwt_keys_timestamp_seconds")
    finally:
        server.close()

    cqrsd.hup()

    until(lambda: cqrsd.metrics().sum("cqrsd_jwt_keys_stale") == 1, "the alarm")
    told = until(lambda: cannot_fetch(cqrsd), "its line in the log")
    assert told[0]["level"] == "warn" and "stay in use" in told[0]["msg"]
    assert cqrsd.metrics().sum("cqrsd_jwt_keys_timestamp_seconds") == fetched
    assert ask(cqrsd, first).status == 200
    assert ask(cqrsd, signer.token(sub="bob")).status == 200, "one that was never verified before"
    assert ask(cqrsd, signer.token(aud="bank")).status == 401


@pytest.mark.parametrize("host, trusted, says", [
    ("IP:127.0.0.1", "system", "certificate"), ("IP:127.0.0.1", "other", "certificate"),
    ("IP:127.0.0.2", "own", "127.0.0.1"), ("IP:127.0.0.1", "missing", "missing.pem")])
def test_keys_of_a_server_that_proves_nothing_are_not_taken(
        start_cqrsd, own_catalog, tmp_path, host, trusted, says):
    authority, signer = Authority(tmp_path), Signer(tmp_path, "a")
    files = {"own": authority.file, "other": Authority(tmp_path, "other").file,
             "missing": str(tmp_path / "missing.pem")}
    env = {"SSL_CERT_FILE": files[trusted]} if trusted in files else {}
    server = KeyServer(signer, tls=authority.context(host))
    try:
        cqrsd = start_by_url(start_cqrsd, own_catalog(CATALOG), server.url, **env)
        until(lambda: cqrsd.metrics().sum("cqrsd_jwt_keys_stale") == 1)
        assert ask(cqrsd, signer.token()).code == "keys-unknown"
        assert server.asked == 0
    finally:
        server.close()
    told = until(lambda: cannot_fetch(cqrsd), "the line in the log")[0]["msg"]
    assert says in told and "no JWT can be verified" in told


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
