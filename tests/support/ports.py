"""ports: free loopback ports below the range that outgoing connections use.

A port asked of the kernel (bind to 0) lies in that range: an outgoing connection may take it
before the process that is to listen there does, or while it restarts. Test runs beside this one
choose from other blocks: who has a block holds its name, which the kernel frees with the process.
"""

import random
import socket

BLOCK = 64

_names = []  # sockets that hold the names of our blocks
_left = []  # ports of the last of them, not given out yet


def _range():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low, high = map(int, file.read().split())
    return (low // 2, low) if low >= 16000 else (high + 1, 65536)


def _take_block():
    """Fills _left from a block that no other process has."""
    low, end = _range()
    starts = range(low, end - BLOCK + 1, BLOCK)
    for start in random.sample(starts, len(starts)):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0seckill-test-ports-{start}")
        except OSError:
            name.close()
            continue
        _names.append(name)
        _left.extend(range(start, start + BLOCK))
        return
    raise AssertionError(f"every block of ports between {low} and {end} is taken")


def free_port():
    """A port on 127.0.0.1 that nobody listens on and that was not given out before."""
    while True:
        if not _left:
            _take_block()
        port = _left.pop()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
