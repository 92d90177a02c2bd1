"""Hosts on one machine without any privilege: loopback addresses, and a TCP proxy between them.

The stand-in for net.py where network namespaces are not allowed. Every pair of hosts that speaks
has links of its own, on addresses of its own; all links live in one process, which is told what to
do by lines of JSON and ends with its input. What a proxy cannot do is lose packets; and a
connection to a host that hears nothing is accepted and silent, where a packet filter would leave it
waiting.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.until import rest  # noqa: E402

PIECE_BYTES = 64 << 10
WAITING_PIECES_MAX = 64
CONNECT_S = 5
LACKS = {"packets": "a proxy sees no packets to lose", "disk": "no disk can be mounted"}


# --- the process of the proxy --------------------------------------------------------------------

class Way:
    """From one host to another: closed by how many, how slow."""

    def __init__(self):
        self.closed = 0
        self.delay_s = 0
        self.bytes_per_s = 0
        self.opened = asyncio.Event()
        self.opened.set()

    def close(self, more):
        self.closed += more
        (self.opened.clear if self.closed else self.opened.set)()


def reset(writer):
    """The other side gets a RST, not the end of a stream."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Flow:
    """One connection: two pumps. A side that is gone is noticed by the other one only by way of
    what still goes there."""

    def __init__(self, link, reader, writer):
        self.link, self.sides = link, [(reader, writer)]

    async def run(self):
        there, back = self.link.there, self.link.back
        for way in (there, back):
            await rest(way.delay_s)
            await way.opened.wait()
        try:
            self.sides.append(await asyncio.wait_for(
                asyncio.open_connection(*self.link.target), CONNECT_S))
        except (OSError, asyncio.TimeoutError):
            self.reset()
            return
        (client, to_client), (server, to_server) = self.sides
        try:
            await asyncio.gather(self.pump(client, to_server, there),
                                 self.pump(server, to_client, back))
        finally:
            for _, writer in self.sides:
                writer.close()

    async def pump(self, reader, writer, way):
        waiting = asyncio.Queue(WAITING_PIECES_MAX)
        taking = asyncio.create_task(self.take(reader, way, waiting))
        try:
            await self.give(waiting, writer, way)
        finally:
            taking.cancel()

    async def take(self, reader, way, waiting):
        piece = True
        while piece:
            try:
                piece = await reader.read(PIECE_BYTES)
            except OSError:
                piece = None
            await waiting.put((time.monotonic() + way.delay_s, piece))

    async def give(self, waiting, writer, way):
        while True:
            due, piece = await waiting.get()
            await rest(max(0, due - time.monotonic()))
            await way.opened.wait()
            if piece is None:
                reset(writer)
                return
            with contextlib.suppress(OSError, RuntimeError):
                if writer.is_closing():
                    pass
                elif piece:
                    writer.write(piece)
                    await writer.drain()
                else:
                    writer.write_eof()
            if not piece:
                return
            if way.bytes_per_s:
                await rest(len(piece) / way.bytes_per_s)

    def reset(self):
        for _, writer in self.sides:
            reset(writer)


class Link:
    """Where one host reaches a port of another."""

    def __init__(self, pair, ways, listen, target):
        self.pair, self.listen, self.target = pair, listen, target
        self.there, self.back = ways
        self.flows = set()
        self.resets = 0
        self.server = None

    async def open(self):
        self.server = await asyncio.start_server(self.accept, *self.listen, limit=PIECE_BYTES)

    async def accept(self, reader, writer):
        flow = Flow(self, reader, writer)
        if self.resets:
            flow.reset()
            return
        self.flows.add(flow)
        try:
            await flow.run()
        finally:
            self.flows.discard(flow)

    async def refuse(self, on):
        if on:
            self.server.close()
            await self.server.wait_closed()
        else:
            await self.open()

    def reset(self, more):
        self.resets += more
        for flow in list(self.flows) if more > 0 else []:
            flow.reset()


class Proxy:
    """All links; each order is one method."""

    def __init__(self):
        self.ways, self.links = {}, []

    def way(self, one, other):
        return self.ways.setdefault((one, other), Way())

    def between(self, one, other):
        return [link for link in self.links if link.pair in ((one, other), (other, one))]

    async def link(self, one, other, listen, target):
        link = Link((one, other), (self.way(one, other), self.way(other, one)), listen, target)
        await link.open()
        self.links.append(link)

    async def close(self, one, other, more):
        self.way(one, other).close(more)

    async def reset(self, one, other, more):
        for link in self.between(one, other):
            link.reset(more)

    async def refuse(self, one, other, on):
        for link in self.between(one, other):
            await link.refuse(on)

    async def delay(self, one, more_s):
        for (sender, _), way in self.ways.items():
            way.delay_s = way.delay_s + more_s if sender == one else way.delay_s

    async def throttle(self, one, bytes_per_s):
        for (sender, _), way in self.ways.items():
            way.bytes_per_s = bytes_per_s if sender == one else way.bytes_per_s

    async def run(self):
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while line := await orders.readline():
            name, *arguments = json.loads(line)
            try:
                await getattr(self, name)(*arguments)
                print("done", flush=True)
            except OSError as failure:
                print(failure, flush=True)


# --- the side of the tests -----------------------------------------------------------------------

def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Network:
    """As net.Network: hosts that reach each other."""

    lacks = LACKS
    driver = "127.0.0.1"

    def __init__(self):
        self.prefix = f"127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 256}"
        self.lock = threading.Lock()
        self.hosts, self.links, self.process = [], {}, None

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def host(self, name):
        self.hosts.append(Host(self, name, len(self.hosts) + 2))
        return self.hosts[-1]

    def tell(self, *order):
        with self.lock:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            done = self.process.stdout.readline().strip()
        if done != "done":
            raise OSError(f"{order}: {done}")

    def reach(self, name, other, port):
        """The address under which the host of that name reaches a port of the other one."""
        key = (name, other.name, port)
        if key not in self.links:
            listen = f"{self.prefix}.{100 + len(self.links)}"
            self.tell("link", name, other.name, (listen, port), (other.address, port))
            self.links[key] = listen
        return self.links[key]

    def until_healed(self, order, more, less):
        """Does it, and returns what undoes it, once."""
        self.tell(*order, more)
        left = [less]

        def heal():
            while left:
                self.tell(*order, left.pop())
        return heal


class Host:
    """As net.Host: an address, and what may be done to what it sends and hears."""

    enter = ()

    def __init__(self, network, name, number):
        self.network, self.name = network, name
        self.address = f"{network.prefix}.{number}"
        self.ports = (free_port(self.address), free_port(self.address))

    def deaf_to(self, other):
        return self.network.until_healed(("close", other.name, self.name), 1, -1)

    def resets(self, other):
        return self.network.until_healed(("reset", self.name, other.name), 1, -1)

    def refuses(self, other):
        return self.network.until_healed(("refuse", self.name, other.name), True, False)

    def delays(self, milliseconds):
        return self.network.until_healed(("delay", self.name), milliseconds / 1e3,
                                         -milliseconds / 1e3)

    def throttles(self, bytes_per_s):
        return self.network.until_healed(("throttle", self.name), bytes_per_s, 0)

    def loses(self, percent):
        raise NotImplementedError(LACKS["packets"])


if __name__ == "__main__":
    asyncio.run(Proxy().run())
