"""PgBouncer of the distribution, in front of one node."""

import os
import shutil
import subprocess
import tempfile

from .node import as_server_user
from .processes import free_port
from .until import until

CONFIG = """[databases]
shop = host=127.0.0.1 port={node} dbname=shop user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 40
max_client_conn = 200
server_reset_query = DISCARD ALL
{more}
"""


def program():
    """Where Debian puts it, or None."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class PgBouncer:
    """Runs while the with statement lasts. more: lines of its configuration."""

    def __init__(self, node, mode, more=""):
        self.node, self.mode, self.more = node, mode, more
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="pgbouncer-")
        self.log = os.path.join(self.folder, "log")
        self.process = None

    @property
    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=shop"

    def __enter__(self):
        os.chmod(self.folder, 0o755)
        path = os.path.join(self.folder, "pgbouncer.ini")
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIG.format(node=self.node.port, port=self.port, mode=self.mode,
                                     more=self.more))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(as_server_user([program(), path], True),
                                            stdout=log, stderr=log, start_new_session=True)
        until(lambda: b"listening on" in self.said() or self.process.poll() is not None,
              "PgBouncer to listen")
        assert self.process.poll() is None, self.said()
        return self

    def said(self):
        with open(self.log, "rb") as log:
            return log.read()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=10)
        shutil.rmtree(self.folder)
