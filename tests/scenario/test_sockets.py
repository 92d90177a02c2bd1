"""Several addresses, Unix sockets among them."""

import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from harness.service import run
from harness.until import until

from .conftest import options_for


@pytest.fixture
def folder():
    """A short one: the path of a Unix socket has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="cqrsd-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


def at(path):
    return Client(f"unix:{path}")


def test_every_address_serves_the_same(start_cqrsd, folder):
    cqrsd = start_cqrsd(listen=[f"unix:{folder}/a", f"unix:{folder}/b", "127.0.0.1:0"])
    at(f"{folder}/a").command("put", user="ann", number=7)

    answers = [client.query("cell", owner="ann", user="ann") for client in
               (cqrsd.client, at(f"{folder}/a"), at(f"{folder}/b"))]

    assert [answer.data["number"] for answer in answers] == [7, 7, 7]
    lines = [line["msg"] for line in cqrsd.log_lines()]
    assert f"listening on unix:{folder}/a" in lines
    assert sum(line.startswith("listening on") for line in lines) == 4


def watched_sockets(pid):
    """Of each epoll of a process: how many sockets it watches."""
    counts = []
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        watched = re.findall(r"^tfd:\s+(\d+)", pathlib.Path(
            f"/proc/{pid}/fdinfo/{name}").read_text(encoding="utf-8"), re.M)
        counts.append(sum(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
                          for fd in watched))
    return counts


def test_each_loop_takes_connections_of_the_socket(start_cqrsd, folder):
    cqrsd = start_cqrsd(listen=[f"unix:{folder}/a"], loops=2)
    clients = [Client(f"unix:{folder}/a", keep_alive=True) for _ in range(64)]

    assert {client.query("ping").status for client in clients} == {200}
    # Each loop watches a connection by two epolls: its own, and that of its HTTP library.
    assert sum(count >= 8 for count in watched_sockets(cqrsd.pid)) == 4


def test_the_file_has_the_rights_asked_for_and_goes_at_the_end(start_cqrsd, folder):
    cqrsd = start_cqrsd(listen=[f"unix:{folder}/a?mode=0600", f"unix:{folder}/b?group=nogroup"])
    found = {name: os.stat(folder / name) for name in "ab"}
    cqrsd.terminate()

    assert cqrsd.wait() == 0
    assert stat.S_IMODE(found["a"].st_mode) == 0o600
    assert stat.S_IMODE(found["b"].st_mode) == 0o660
    assert found["b"].st_gid == 65534
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="not root")
def test_who_may_not_write_to_the_file_does_not_connect(start_cqrsd, folder):
    start_cqrsd(listen=[f"unix:{folder}/a?mode=0660", f"unix:{folder}/b?mode=0666"])
    closed, opened = (subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-sS",
         "--unix-socket", f"{folder}/{name}", "http://localhost/v1/queries/ping"],
        capture_output=True, text=True, check=False) for name in "ab")

    assert (closed.returncode, closed.stdout) == (7, "")
    assert (opened.returncode, opened.stdout) == (0, '{"data":{"pong":1}}')


def test_a_dead_instance_is_replaced_and_a_living_one_is_not(start_cqrsd, cluster, catalog, folder):
    dead = start_cqrsd(listen=[f"unix:{folder}/a"])
    dead.kill9()
    assert (folder / "a").is_socket()
    living = start_cqrsd(listen=[f"unix:{folder}/a"])
    assert at(f"{folder}/a").query("ping").status == 200

    second = run("serve", **options_for(cluster, catalog, {}), admin_listen="127.0.0.1:0",
                 listen=["127.0.0.1:0", f"unix:{folder}/a"], timeout_s=20)

    assert second.returncode == 1
    assert f"--listen: unix:{folder}/a: Address already in use" in second.stderr
    assert at(f"{folder}/a").query("ping").status == 200
    assert living.running


@pytest.mark.parametrize("listen, says", [
    ("unix:api.sock", "absolute path"), ("unix:/tmp/x?mode=9", "octal"),
    ("unix:/tmp/x?group=no-such-group", "no such group"), ("unix:/no/such/folder/x", "No such")])
def test_a_socket_that_cannot_be_is_named(cluster, catalog, listen, says):
    done = run("serve", **options_for(cluster, catalog, {}), listen=listen,
               admin_listen="127.0.0.1:0", timeout_s=20)

    assert done.returncode in (1, 2)
    assert listen in done.stderr and says in done.stderr


def test_a_socket_given_twice_is_refused(cluster, catalog):
    done = run("serve", **options_for(cluster, catalog, {}), admin_listen="127.0.0.1:0",
               listen=["127.0.0.1:0", "127.0.0.1:0"], timeout_s=20)

    assert done.returncode == 2 and "given twice" in done.stderr


def ask_until_refused(path):
    """How many were answered until the socket was left."""
    answered = 0
    while True:
        try:
            assert at(path).query("ping").status == 200
        except (FileNotFoundError, ConnectionRefusedError):
            return answered
        answered += 1


def test_a_stop_answers_who_has_connected_and_refuses_who_comes(start_cqrsd, folder):
    """Behind a proxy that tries the next instance where a connection is refused."""
    cqrsd = start_cqrsd(listen=[f"unix:{folder}/a"])
    with ThreadPoolExecutor(4) as askers:
        asked = [askers.submit(ask_until_refused, folder / "a") for _ in range(4)]
        until(lambda: cqrsd.metrics().sum(
            "cqrsd_http_request_duration_seconds_count", name="ping") > 50, "the load to run")
        cqrsd.terminate()

        assert min(asker.result() for asker in asked) > 0
    assert cqrsd.wait() == 0


def test_pages_of_the_admin_listener_come_over_a_socket(start_cqrsd, folder):
    cqrsd = start_cqrsd(admin_listen=f"unix:{folder}/admin?mode=0600")
    well = run("health", admin_listen=f"unix:{folder}/admin?mode=0600")

    assert len(cqrsd.readyz().json["nodes"]) == 3
    assert cqrsd.metrics().sum("cqrsd_node_up") == 3
    assert (well.returncode, well.stdout) == (0, "ready\n")
    cqrsd.terminate()
    assert cqrsd.wait() == 0
    assert run("health", admin_listen=f"unix:{folder}/admin").returncode == 1


def test_a_client_that_reads_slowly_gets_all_of_a_stream(start_cqrsd, folder):
    start_cqrsd(listen=[f"unix:{folder}/a"])
    with socket.socket(socket.AF_UNIX) as reader:
        reader.settimeout(20)
        reader.connect(str(folder / "a"))
        reader.sendall(b"GET /v1/queries/wide?rows=2000&width=1000 HTTP/1.1\r\nHost: x\r\n"
                       b"Connection: close\r\n\r\n")
        whole = b"".join(iter(lambda: reader.recv(4096), b""))

    assert whole.startswith(b"HTTP/1.1 200") and whole.endswith(b"\r\n0\r\n\r\n")
    assert len(whole) > 2_000_000
