"""examples/proxy/ with Debian's nginx and HAProxy: ports, paths and certificates of a test."""

import os
import pathlib
import pwd
import re
import shutil
import ssl
import subprocess
import tempfile
import http.client

from . import processes
from .client import Client
from .until import until

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "proxy"
PROGRAMS = {"nginx": "www-data", "haproxy": "haproxy"}
SUBJECT = "/CN=web client/O=shop"


def program(name):
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")


def user_of(name):
    """Who the proxy runs as: its own user where the tests run as root, else theirs."""
    return PROGRAMS[name] if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


class Certificates:
    """A server's, and a client's with the authority that has signed it."""

    def __init__(self, folder):
        self.folder = folder
        self.make("server", "/CN=localhost", "-x509")
        self.make("client-ca", "/CN=an authority", "-x509")
        self.make("client", SUBJECT)
        openssl("x509", "-req", "-in", folder / "client.csr", "-CA", folder / "client-ca.pem",
                "-CAkey", folder / "client-ca.key", "-CAcreateserial", "-out",
                folder / "client.pem", "-days", 1)
        self.make("stranger", SUBJECT, "-x509")
        # HAProxy wants the key behind the certificate, nginx does not mind.
        with open(folder / "server.pem", "a", encoding="utf-8") as out:
            out.write((folder / "server.key").read_text(encoding="utf-8"))

    def make(self, name, subject, *more):
        out = self.folder / (f"{name}.pem" if more else f"{name}.csr")
        openssl("req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-subj", subject,
                "-keyout", self.folder / f"{name}.key", "-out", out,
                *more, *(["-days", 1] if more else []))


class TlsClient(Client):
    """Asks the proxy; certificate names the client's."""

    def __init__(self, proxy, certificate=None, **more):
        super().__init__(proxy.address, **more)
        self.context = ssl.create_default_context(cafile=proxy.folder / "server.pem")
        self.context.check_hostname = False
        if certificate:
            self.context.load_cert_chain(proxy.folder / f"{certificate}.pem",
                                         proxy.folder / f"{certificate}.key")

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout_s,
                                           source_address=self.source, context=self.context)


class Proxy:
    """One of the examples, in front of the socket; close() ends it."""

    def __init__(self, name, path):
        self.name = name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cqrsd-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.address = f"127.0.0.1:{processes.free_port()}"
        Certificates(self.folder)
        self.log_path = self.folder / "log"
        line = getattr(self, name)(path)
        if shutil.which("setpriv"):
            line = ["setpriv", "--pdeathsig=KILL", "--", *line]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.answers, f"{name} to answer", 20)

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n" + self.log_path.read_text(errors="replace"))
        try:
            return TlsClient(self).get("/").status in (401, 403, 404)
        except OSError:
            return False

    def example(self, name, path, listen):
        """The file as it is, but for where it listens, its certificates and the socket."""
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        for old, new in ((listen[0], listen[1]), ("/etc/cqrsd/tls", str(self.folder)),
                         ("/run/cqrsd/api.sock", str(path))):
            assert re.search(rf"^[^#]*{re.escape(old)}", text, re.M), old
            text = text.replace(old, new)
        return text

    def nginx(self, path):
        example = self.folder / "cqrsd.conf"
        example.write_text(self.example("nginx.conf", path, ("443", self.address)),
                           encoding="utf-8")
        config = self.folder / "nginx.conf"
        user = f"user {user_of('nginx')};\n" if os.geteuid() == 0 else ""
        places = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(
            f"daemon off;\n{user}pid {self.folder}/pid;\nworker_processes 1;\n"
            f"error_log stderr;\nevents {{ worker_connections 512; }}\n"
            f"http {{\naccess_log off;\n{places}include {example};\n}}\n", encoding="utf-8")
        return [program("nginx"), "-c", str(config)]

    def haproxy(self, path):
        config = self.folder / "haproxy.cfg"
        text = self.example("haproxy.cfg", path, ("bind :443", f"bind {self.address}"))
        if os.geteuid() != 0:
            text = re.sub(r"^    (user|group) haproxy\n", "", text, flags=re.M)
        config.write_text(text, encoding="utf-8")
        return [program("haproxy"), "-db", "-f", str(config)]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
