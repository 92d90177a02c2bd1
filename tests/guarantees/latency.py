"""latency.py DEVICE MILLISECONDS: holds every packet that is routed into a tun device for a while.

Runs in the namespace of the host that is slow. A stand-in for tc netem, which not every kernel has.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


def main(name, delay_s):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    print("ready", flush=True)
    waiting = collections.deque()
    while True:
        wait_s = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([device], [], [], wait_s)[0]:
            try:
                while True:
                    waiting.append((time.monotonic() + delay_s, os.read(device, 65536)))
            except BlockingIOError:
                pass
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(device, waiting.popleft()[1])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) / 1000)
