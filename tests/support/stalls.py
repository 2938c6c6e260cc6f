"""stalls: what the machine took from its processes, measured all the time while tests run.

On a shared machine a core can be gone for seconds: a deadline of one second in the product then
passes with nothing wrong in it. A test that bounds a time, or forbids the answers of a passed
deadline, adds what was taken meanwhile; where nothing was, it is as strict as it reads.
"""

import os
import threading
import time

TICK_S = 0.05
NOTED_S = 0.01
KEPT_S = 600.0
SLOW_S = 0.25  # of a core taken within one request: enough to make it miss its deadline


def stolen_s():
    """Of each core: what the host gave to others (proc(5), /proc/stat, `steal`)."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [line.split() for line in file if line[:3] == "cpu" and line[3].isdigit()]
    return {int(name[3:]): int(values[7]) / os.sysconf("SC_CLK_TCK") for name, *values in fields}


class Stalls:
    """taken(began, ended): how long a core that was wanted was not there, of the worse core.

    A thread on each core notes how late it wakes, and what the host stole of that core.
    """

    def __init__(self):
        self.never = threading.Event()
        self.cores = {core: [] for core in os.sched_getaffinity(0)}  # [(began, ended, taken)]
        self.woke = {core: time.monotonic() for core in self.cores}
        for core in self.cores:
            threading.Thread(target=self._look, args=(core,), daemon=True).start()

    def taken(self, began, ended=None):
        """Seconds, between two moments of time.monotonic(); up to now without a second one."""
        now = time.monotonic()
        ended = now if ended is None else ended
        worst = 0.0
        for core, seen in self.cores.items():
            late = (self.woke[core], now, max(0.0, now - self.woke[core] - TICK_S))
            inside = [taken for at, until, taken in [*seen, late] if until > began and at < ended]
            worst = max(worst, sum(inside))
        return worst

    def excuses(self, began, ended=None):
        """Whether so much was taken that the product's own deadlines may have passed."""
        return self.taken(began, ended) >= SLOW_S

    def _look(self, core):
        os.sched_setaffinity(threading.get_native_id(), {core})
        seen, stolen = self.cores[core], stolen_s()[core]
        while True:
            self.never.wait(TICK_S)
            at, now, stolen_now = self.woke[core], time.monotonic(), stolen_s()[core]
            # A core that was stolen wakes late: the same time, seen twice.
            taken = max(now - at - TICK_S, stolen_now - stolen)
            if taken > NOTED_S:
                seen.append((at, now, taken))
            self.woke[core], stolen = now, stolen_now
            while seen and seen[0][1] < now - KEPT_S:
                del seen[0]


machine = Stalls()
