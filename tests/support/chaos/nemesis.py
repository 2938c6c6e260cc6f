"""nemesis: does the faults of a plan, each target by a thread of its own, and mends them.

A thread lives until release(): the processes it started end with it (PR_SET_PDEATHSIG).
"""

import dataclasses
import os
import shutil
import signal
import threading
import time

from support.chaos.plan import SERVICES, WAYS
from support.db import Redis
from support.wait import wait_until

GONE_DEADLINE_S = 30


@dataclasses.dataclass(frozen=True)
class Done:
    """A fault as it happened; times are time.monotonic()."""

    fault: object  # plan.Fault
    began: float
    ended: float


class Nemesis:
    """deaths: what ended without being killed. failures: faults that could not be done."""

    def __init__(self, plan, faults, stack, tell):
        self.faults, self.stack, self.tell = faults, stack, tell
        self.done, self.deaths, self.failures = [], [], []
        self._stopped, self._released = threading.Event(), threading.Event()
        self._began = None
        by_target = {}
        for fault in plan.faults:
            by_target.setdefault(fault.target, []).append(fault)
        self._threads = [threading.Thread(target=self._run, args=(items,), daemon=True)
                         for items in by_target.values()]
        self._busy = threading.Semaphore(0)

    def start(self, began):
        self._began = began
        for thread in self._threads:
            thread.start()

    def stop(self):
        """No further faults; returns when those that are on were mended."""
        self._stopped.set()
        self.wait(120)

    def wait(self, deadline_s):
        """Until all is done and mended."""
        end = time.monotonic() + deadline_s
        for _ in self._threads:
            assert self._busy.acquire(timeout=max(0.0, end - time.monotonic())), (
                f"the faults are not done within {deadline_s} s")
        for _ in self._threads:
            self._busy.release()

    def release(self):
        self._released.set()

    def _run(self, items):
        try:
            for fault in items:
                if self._stopped.wait(max(0.0, self._began + fault.at_s - time.monotonic())):
                    break
                self._do(fault)
        except Exception as error:  # told by the run, which could not be what the plan says
            self.failures.append(f"{fault.kind} of {fault.target}: {error}")
        finally:
            self._busy.release()
        self._released.wait()

    def _do(self, fault):
        if fault.target in WAYS:
            break_it = self._break_way
        elif fault.target in SERVICES:
            break_it = self._break_service
        else:
            break_it = self._break_process
        began = time.monotonic()
        self.tell(f"{began - self._began:6.1f} s  {fault.kind} {fault.target}"
                  + (f", {fault.seconds} s" if fault.seconds else ""))
        mend = break_it(fault)
        self._stopped.wait(max(0.0, began + fault.seconds - time.monotonic()))
        if mend is not None:
            mend()
        self.done.append(Done(fault, began, time.monotonic()))

    # Each breaks, and returns what mends it.

    def _break_way(self, fault):
        route = self.faults.proxy.routes[fault.target.removesuffix("-way")]
        if fault.kind == "blackhole":
            route.set(blackhole=1)
        elif fault.kind == "refuse":
            route.down()
        elif fault.kind == "reset":
            end = time.monotonic() + fault.seconds
            while time.monotonic() < end and not self._stopped.is_set():
                route.cut()
                self._stopped.wait(fault.details["every_ms"] / 1000)
        else:
            route.set(**fault.details)
        return route.clear

    def _break_process(self, fault):
        number = int(fault.target[-1])
        process = (self.stack.engines if "engine" in fault.target else self.stack.workers)[number]
        self.look_at(process)
        if fault.kind == "stop":
            process.freeze()
            return process.thaw
        process.kill()
        return process.start

    def look_at(self, process):
        """A process that ended by itself is noted, and started again."""
        if not process.is_alive():
            self.deaths.append(f"{process.name} ended by itself with {process.popen.returncode}; "
                               f"its log: {process.log_path}")
            process.start()

    def _break_service(self, fault):
        services, name = self.faults.services, fault.target
        if fault.kind == "stop":
            services.freeze(name)
            return lambda: services.thaw(name)
        if fault.kind == "flushall":
            Redis(services).client.flushall()
            return None
        if fault.kind == "script-flush":
            Redis(services).client.script_flush()
            return None
        kill_service(services, name)
        data = services.directory / "redis" / "data"
        if fault.kind == "wipe":
            shutil.rmtree(data)
        elif fault.kind == "aof-cut":
            cut_tail(data, fault.details["bytes"])
        return lambda: services.start(name)


def kill_service(services, name):
    """SIGKILL at once: tools/services would wait for a broker that another thread starts."""
    pid = services.pid(name)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_ended(pid), GONE_DEADLINE_S, f"{name} (pid {pid}) is gone")


def has_ended(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def cut_tail(data, size):
    """The end of the newest AOF file is lost, as after a power cut."""
    newest = max((data / "appendonlydir").glob("*.incr.aof"),
                 key=lambda path: int(path.name.split(".")[-3]))
    os.truncate(newest, max(0, newest.stat().st_size - size))
