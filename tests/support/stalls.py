"""stalls: how long a process of this machine waits for a core, measured while something is timed.

What is timed waits no less: a bound on a duration is fair only with what the machine itself took.
"""

import threading
import time

LOOK_S = 0.005


class Stalls:
    """Use as a context manager around what is timed; then `worst_s` is the longest wait seen."""

    def __init__(self):
        self.worst_s = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _look(self):
        before = time.monotonic()
        while not self.ended.wait(LOOK_S):
            now = time.monotonic()
            self.worst_s = max(self.worst_s, now - before - LOOK_S)
            before = now
