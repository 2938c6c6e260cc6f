"""fault_proxy: a broken network between processes and services on loopback.

    with FaultProxy() as proxy:
        redis = proxy.route("redis", services.redis_address[1])
        ... redis.port is what processes are told ...
        redis.set(latency_ms=200, jitter_ms=50)
        redis.cut()

The program is tests/support/proxy; its head tells what each fault does.
"""

import subprocess
import threading

from support import paths
from support.ports import free_port


class Route:
    """One way to one service, and what happens on it."""

    def __init__(self, proxy, name, port):
        self._proxy, self.name, self.port = proxy, name, port

    @property
    def address(self):
        return "127.0.0.1", self.port

    def set(self, direction="both", **faults):
        """latency_ms, jitter_ms, bandwidth, slice, slice_gap_us, blackhole, limit."""
        words = " ".join(f"{name}={int(value)}" for name, value in faults.items())
        self._proxy.command(f"set {self.name} {direction} {words}")

    def clear(self):
        """No faults any more; listens again."""
        self._proxy.command(f"clear {self.name}")

    def cut(self):
        """Resets the connections that are open."""
        self._proxy.command(f"cut {self.name}")

    def refuse(self):
        """Refuses new connections; those that are open stay."""
        self._proxy.command(f"refuse {self.name}")

    def down(self):
        """The service is gone: refused, and open connections reset."""
        self.refuse()
        self.cut()

    def count(self):
        return int(self._proxy.command(f"count {self.name}"))


class FaultProxy:
    """One process with any number of routes. It ends with its stdin, so with this process, too."""

    def __init__(self):
        self._process = subprocess.Popen(
            [paths.BUILD / "tests" / "support" / "proxy" / "fault_proxy"], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._lock = threading.Lock()
        self.routes = {}

    def command(self, line):
        """What follows `ok` in the answer. AssertionError with the proxy's text else."""
        with self._lock:
            self._process.stdin.write(line + "\n")
            answer = self._process.stdout.readline()
        assert answer.startswith("ok"), f"fault_proxy: {line!r}: {answer.strip() or 'it ended'}"
        return answer[2:].strip()

    def route(self, name, target, port=None):
        """A way to 127.0.0.1:target."""
        port = port or free_port()
        self.command(f"route {name} {port} {target}")
        self.routes[name] = Route(self, name, port)
        return self.routes[name]

    def clear(self):
        for route in self.routes.values():
            route.clear()

    def close(self):
        self._process.stdin.close()
        status = self._process.wait(10)
        self._process.stdout.close()
        assert status == 0, f"fault_proxy ended with status {status}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
