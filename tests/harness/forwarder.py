"""A name that leads to a server, and to another one later: a port that forwards connections.

Connections that are open stay where they led, as they do behind a balancer that was reconfigured,
or after a name was given another address.
"""

import contextlib
import itertools
import socket
import threading

PIECE_BYTES = 65536


class Forwarder:
    """Forwards each new connection to the next of its targets, (host, port)."""

    def __init__(self, *targets, listen="127.0.0.1"):
        self.lead_to(*targets)
        self.listener = socket.create_server((listen, 0))
        self.sockets = []
        self.accepted = 0
        self.held = []  # what servers have said since hold
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, *targets):
        """From now on; nothing that is open is touched. No target: connections are closed."""
        self.targets = itertools.cycle(targets) if targets else None

    def cut(self):
        """Ends what is open: each connection is made anew, to where the name leads now."""
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def hold(self):
        """What servers say from now on waits here."""
        self.held = []
        self.flows.clear()

    def let_go(self):
        self.flows.set()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    @property
    def address(self):
        return "%s:%d" % self.listener.getsockname()[:2]

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.let_go()
        self.cut()
        for one in self.sockets:
            one.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(client, ), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(next(self.targets))
        except (OSError, TypeError):
            client.close()
            return
        self.sockets += [client, server]
        threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
        self._pump(server, client, held=True)

    def _pump(self, source, sink, held=False):
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                if held and not self.flows.is_set():
                    self.held.append(piece)
                    self.flows.wait()
                sink.sendall(piece)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
