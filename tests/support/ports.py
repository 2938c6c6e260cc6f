"""ports: free loopback ports below the range that outgoing connections use.

A port asked of the kernel (bind to 0) lies in that range: an outgoing connection may take it
before the process that is to listen there does, or while it restarts.
"""

import random
import socket

_given = set()


def _range():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low, high = map(int, file.read().split())
    return (low // 2, low - 1) if low >= 16000 else (high + 1, 65535)


def free_port():
    """A port on 127.0.0.1 that nobody listens on and that was not given out before."""
    low, high = _range()
    for _ in range(200):
        port = random.randint(low, high)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError(f"no free port between {low} and {high}")
