"""Rows against peers: poolers, a Node.js service, and a web server as the ceiling.

Each peer is a child of ours in a folder of its own, ended by its id when its row is over.
"""

import contextlib
import pathlib
import shutil
import socket
import subprocess

from stage import BENCH, CLIENTS, ROOT, NotRun, alternate, as_server_user, needed
from throughput import PATIENT, wrk_line

from harness import processes
from harness.until import TooLate, until

CONNS = 8
CONNECTING_S = 10  # 64 sessions of Pgpool-II take seconds to begin; the rate leaves them out
PGBOUNCER = """[databases]
bench = host=127.0.0.1 port={replica} dbname=bench user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {conns}
max_client_conn = 200
"""
PGPOOL = """backend_clustering_mode = 'streaming_replication'
listen_addresses = '127.0.0.1'
port = {port}
pcp_port = {pcp}
unix_socket_directories = '{folder}'
pcp_socket_dir = '{folder}'
pid_file_name = '{folder}/pgpool.pid'
logdir = '{folder}'
backend_hostname0 = '127.0.0.1'
backend_port0 = {primary}
backend_weight0 = 0
backend_hostname1 = '127.0.0.1'
backend_port1 = {replica}
backend_weight1 = 1
num_init_children = {children}
max_pool = 1
load_balance_mode = on
enable_pool_hba = off
sr_check_user = 'postgres'
sr_check_database = 'postgres'
health_check_period = 0
"""
NGINX = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  default_type application/json;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    root {folder};
    location / {{ try_files /reply.json =404; }}
  }}
}}
"""


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(stage, name, line, port, as_server=False):
    """The peer, from when it listens until the row is over."""
    log = stage.write(f"{name}.log", "")
    if shutil.which("setpriv") and not as_server:
        line = ["setpriv", "--pdeathsig=KILL", "--", *line]
    elif as_server:
        line = as_server_user(line, ends_with_us=True)
    with open(log, "wb") as out, subprocess.Popen(
            [str(part) for part in line], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            cwd="/", start_new_session=True) as process:
        try:
            until(lambda: process.poll() is not None or listens(port), name, 30)
            if process.poll() is not None:
                raise NotRun(f"{name} ended: {log.read_text(errors='replace')[-300:].strip()}")
            yield process
        except TooLate as failure:
            raise NotRun(str(failure)) from failure
        finally:
            processes.end_family(process.pid)


def folder_of(stage, name):
    folder = pathlib.Path(stage.work.name) / name
    folder.mkdir(exist_ok=True)
    stage.open_to_server(folder)
    return folder


def against_pooler(stage, result, name, port, mode, demanded):
    """The figures of a pooler under pgbench beside those of cqrsd under wrk."""
    service = stage.serve(**PATIENT)
    lua = stage.lua_read()
    side = result.side("cqrsd", [stage.serve_line(**PATIENT), "under", wrk_line("(as in reads)")])
    other = result.side(name, [f"pgbench -n -S -M {mode} -c {CLIENTS} -j 1, at {name}"])
    stage.wrk(service.address, lua, seconds=1)
    flags = ["-S", "-M", mode, "-c", str(CLIENTS), "-j", "1"]
    seconds = stage.given.seconds + CONNECTING_S
    alternate([(side, lambda: stage.wrk(service.address, lua)[0]),
               (other, lambda: stage.pgbench(port, *flags, seconds=seconds))], stage.given.runs)
    result.check(f"cqrsd / {name}", side.median / other.median, "×", demanded)
    stage.stop(service)


def pgbouncer(stage, result):
    program, port = needed("pgbouncer", "peers"), processes.free_port()
    folder = folder_of(stage, "pgbouncer")
    ini = folder / "pgbouncer.ini"
    ini.write_text(PGBOUNCER.format(port=port, replica=stage.cluster.replica(1).port, conns=CONNS),
                   encoding="ascii")
    with running(stage, "pgbouncer", [program, ini], port, as_server=True):
        # Its transaction mode knows no prepared statements before 1.21.
        against_pooler(stage, result, "PgBouncer", port, "extended", None)
    result.remarks.append(f"PgBouncer: pool_mode transaction, {CONNS} server connections")


def pgpool(stage, result):
    program, port = needed("pgpool", "peers"), processes.free_port()
    folder = folder_of(stage, "pgpool")
    conf = folder / "pgpool.conf"
    conf.write_text(PGPOOL.format(port=port, pcp=processes.free_port(), folder=folder,
                                  primary=stage.cluster.primary.port, children=CLIENTS + 8,
                                  replica=stage.cluster.replica(1).port), encoding="ascii")
    with running(stage, "pgpool", [program, "-n", "-f", conf], port, as_server=True):
        against_pooler(stage, result, "Pgpool-II", port, "prepared", (">=", 4.0))
    result.remarks.append("Pgpool-II: streaming_replication, all reads to the replica")


def fastify(stage, result):
    node, port = needed("node", "peers"), processes.free_port()
    folder = ROOT / "build" / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "server.js"):
        shutil.copy(BENCH / "peers" / name, folder / name)
    if not (folder / "node_modules" / "fastify").exists():
        done = subprocess.run([needed("npm", "peers"), "install", "--no-package-lock",
                               "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder,
                              text=True, capture_output=True, check=False)
        if done.returncode:
            raise NotRun("npm install failed: " + done.stderr.strip().splitlines()[-1][:200])
    line = [node, folder / "server.js", port, stage.cluster.replica(1).conninfo, CONNS]
    with running(stage, "fastify", line, port):
        against_http(stage, result, "Fastify + postgres.js", port, "/balance?aid=",
                     f"node bench/peers/server.js PORT REPLICA {CONNS}", (">=", 2.5))


def nginx(stage, result):
    program, port = needed("nginx", "peers"), processes.free_port()
    folder = folder_of(stage, "nginx")
    (folder / "reply.json").write_text('{"data":{"abalance":0}}', encoding="ascii")
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, port=port), encoding="ascii")
    with running(stage, "nginx", [program, "-c", conf, "-p", folder], port):
        against_http(stage, result, "nginx, a static file", port, "/x?aid=",
                     "nginx, one process, a reply of 23 bytes", None)
    result.remarks.append("what HTTP alone costs here: the ceiling of what asks no database")


def against_http(stage, result, name, port, target, line, demanded):
    service = stage.serve(**PATIENT)
    lua, peer_lua = stage.lua_read(), stage.lua_read(target)
    side = result.side("cqrsd", [stage.serve_line(**PATIENT), "under", wrk_line("(as in reads)")])
    other = result.side(name, [line, "under", wrk_line(f"(GET {target}random)")])
    for address, script in ((service.address, lua), (f"127.0.0.1:{port}", peer_lua)):
        stage.wrk(address, script, seconds=1)
    alternate([(side, lambda: stage.wrk(service.address, lua)[0]),
               (other, lambda: stage.wrk(f"127.0.0.1:{port}", peer_lua)[0])], stage.given.runs)
    result.check(f"cqrsd / {name}", side.median / other.median, "×", demanded)
    stage.stop(service)
