"""run: starts everything, follows a plan, heals, judges, and ends what it started."""

import contextlib
import os
import signal
import subprocess
import threading
import time

from support.chaos import verdict
from support.chaos.nemesis import Nemesis
from support.chaos.shoppers import Shop
from support.faults import Faults, revive
from support.payments import Payments
from support.services import Services

MEND_DEADLINE_S = 180
CLOSE_DEADLINE_S = 90
SOON_CLOSED = {"worker.reaper_ms": 300, "worker.reaper_grace_ms": 300}


class Interrupted(Exception):
    """Ctrl-C, or SIGTERM."""


class Interrupts:
    """Raises Interrupted in the main thread, once, and not where things would be left half done."""

    def __init__(self):
        self._is_shielded = self._came = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_):
        is_first, self._came = not self._came, True
        if is_first and not self._is_shielded:
            raise Interrupted

    @contextlib.contextmanager
    def shielded(self):
        """What came meanwhile is raised at the end, if it did not before."""
        had_come, self._is_shielded = self._came, True
        try:
            yield
        finally:
            self._is_shielded = False
        if self._came and not had_come:
            raise Interrupted


def tell(text):
    print(text, flush=True)


class Run:
    """start(), go(), heal(), judge(); close() ends whatever was started, at any time."""

    def __init__(self, plan, directory, interrupts):
        self.plan, self.directory, self.interrupts = plan, directory, interrupts
        self.faults = self.stack = self.nemesis = self.shop = None
        self.report = verdict.Report(plan.seed, round(plan.seconds / 60, 3))

    def start(self):
        tell("== services: Redis, Kafka and MariaDB, for this run alone; two engines, two workers")
        with self.interrupts.shielded():
            self.faults = Faults(self.directory / "services")
        keys = Payments(self.directory / "payments")
        self.stack = self.faults.stack(engine_settings=keys.settings, worker_settings=SOON_CLOSED)
        self.stack.start()
        self.nemesis = Nemesis(self.plan, self.faults, self.stack, tell)
        self.shop = Shop(self.plan, self.stack, keys)

    def go(self):
        """The plan, from its beginning to its end."""
        tell(f"== {self.plan.seconds:g} s of load and {len(self.plan.faults)} faults")
        began, pause = time.monotonic(), threading.Event()
        self.nemesis.start(began)
        self.shop.start(began)
        while (left := began + self.plan.seconds - time.monotonic()) > 0:
            self._assert_works()
            pause.wait(min(left, 0.2))
        self.shop.stop()
        self.nemesis.wait(MEND_DEADLINE_S)
        self._assert_works()

    def _assert_works(self):
        failures = self.nemesis.failures + self.shop.failures
        assert not failures, "; ".join(failures)

    def heal(self):
        tell("== healing: no faults any more, all open attempts ask again")
        with self.interrupts.shielded():
            self.faults.heal()
        for process in [*self.stack.workers, *self.stack.engines]:
            self.nemesis.look_at(process)
        try:
            revive(self.stack)
        except AssertionError as error:
            self.report.violations.append(f"not ready after healing: {error}")
        self.shop.close(CLOSE_DEADLINE_S)
        self._assert_works()

    def judge(self, before_audit=None):
        """Waits until all sales are at rest; figures and violations go into the report."""
        report = self.report
        counters = [counter for counter in self.shop.counters if counter.opened is not None]
        report.faults = verdict.count_kinds(self.nemesis.done)
        report.set_slowest(self.nemesis.done, counters)
        report.sales = len(counters)
        settled = self._settle(counters)
        if before_audit is not None:
            self._command(before_audit)
        tell("== audit")
        for counter, told, last_audit in settled:
            path = verdict.write_told(self.directory, counter.sale.number, told)
            violations, rows = verdict.audit(self.stack, self.faults.services, counter, told,
                                             last_audit, path)
            report.violations += violations
            report.count_life(rows, counter.payers)
        for process in [*self.stack.workers, *self.stack.engines]:
            self.nemesis.look_at(process)
        report.violations += self.nemesis.deaths

    def _settle(self, counters):
        """[(counter, told, last audit)] of the sales that come to rest; all are counted."""
        report, began, settled = self.report, time.monotonic(), []
        for counter in counters:
            told = list(counter.shoppers.told)
            try:
                told, last_audit = verdict.settle(self.stack, self.faults.services, counter)
                settled.append((counter, told, last_audit))
            except AssertionError as error:
                report.violations.append(f"sale {counter.sale.number} does not recover: {error}")
                verdict.write_told(self.directory, counter.sale.number, told)
            report.count(told, counter.shoppers.reads)
        report.seconds_to_rest = round(time.monotonic() - began, 3)
        return settled

    def _command(self, text):
        """With the addresses of the services in its environment."""
        with self.interrupts.shielded():
            done = subprocess.run(
                ["sh", "-c", text], env={**os.environ, **self.faults.services.env},
                stdin=subprocess.DEVNULL, check=False, start_new_session=True, timeout=60)
        assert done.returncode == 0, f"--before-audit ended with {done.returncode}"

    def close(self, keep):
        """Ends all that runs; `keep`: the data stays. [what did not end as it should]"""
        failures = []

        def attempt(what, *arguments):
            try:
                what(*arguments)
            except Exception as error:  # the rest must end, too
                failures.append(str(error))

        if self.nemesis is not None:
            self.shop.stop()
            attempt(self.nemesis.stop)
            attempt(self.shop.close, 0)
        if self.stack is not None:
            attempt(self.stack.stop, True)
        if self.nemesis is not None:
            self.nemesis.release()
        if self.faults is not None:
            attempt(self.faults.proxy.close)
        services = Services(self.directory / "services")
        attempt(services.halt if keep else services.down)
        return failures
