"""verdict: what was done and told, and whether it all fits together when everything is healed."""

import collections
import dataclasses
import json

from support.crowd import ask_all
from support.ctl import ctl
from support.db import Redis
from support.history import (NO, NOT_DONE, UNSURE, ask_again, judge, read_rows,
                             wait_for_decisions, wait_for_rest)
from support.wait import wait_until

REST_DEADLINE_S = 60  # I23
SHOWN_MAX = 20
BOTH = (0, 1)
LOADED = {"open", "paused", "ended"}


@dataclasses.dataclass
class Report:
    """Figures of a run; `violations`: one text each."""

    seed: int
    minutes: float
    faults: dict = dataclasses.field(default_factory=dict)
    sales: int = 0
    attempts: int = 0
    reads: int = 0
    wins: int = 0
    noes: int = 0
    not_done: int = 0
    unknowns: int = 0
    rows: int = 0
    states: dict = dataclasses.field(default_factory=dict)  # {state: rows}
    notices: int = 0
    cancels: int = 0
    slowest_recovery_s: float = None
    slowest_recovery_of: str = None
    seconds_to_rest: float = None
    violations: list = dataclasses.field(default_factory=list)

    def set_slowest(self, done, counters):
        slowest = slowest_recovery(done, [
            answer for counter in counters for answer in counter.shoppers.told
            if answer.status == 201 and not answer.replayed])
        if slowest is not None:
            seconds, fault, others = slowest
            self.slowest_recovery_s = round(seconds, 3)
            self.slowest_recovery_of = (f"{fault.kind} of {fault.target} at {fault.at_s} s, with "
                                        f"{others} other faults meanwhile")

    def count(self, told, reads):
        """Each answer is an attempt."""
        self.reads += reads
        self.attempts += len(told)
        self.wins += len({answer.order_no for answer in told if answer.status == 201})
        self.noes += sum(answer.code in NO for answer in told)
        self.not_done += sum(answer.code in NOT_DONE for answer in told)
        self.unknowns += sum(answer.code in UNSURE for answer in told)

    def count_life(self, rows, payers):
        self.rows += len(rows)
        for row in rows:
            self.states[row.state] = self.states.get(row.state, 0) + 1
        self.notices += len(payers.payments)
        self.cancels += len(payers.cancels)

    def __str__(self):
        states = ", ".join(f"{state} {count}" for state, count in sorted(self.states.items()))
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        slowest = "" if self.slowest_recovery_s is None else (
            f"{self.slowest_recovery_s:.1f} s until a win: {self.slowest_recovery_of}")
        return "\n".join([
            f"faults            {sum(self.faults.values())}: {kinds}",
            f"sales             {self.sales}",
            f"attempts          {self.attempts}, and {self.reads} reads of own orders",
            f"wins told         {self.wins}",
            f"definite noes     {self.noes}",
            f"not done          {self.not_done}",
            f"unknowns          {self.unknowns}",
            f"rows              {self.rows}: {states}",
            f"after winning     {self.notices} notices and {self.cancels} cancels sent",
            f"slowest recovery  {slowest or 'not measured'}",
            f"at rest           {self.seconds_to_rest} s after healing",
            f"violations        {len(self.violations)}",
            *(f"  {text}" for text in self.violations[:SHOWN_MAX])])

    def write(self, path):
        with open(path, "w", encoding="ascii") as file:
            json.dump({**dataclasses.asdict(self), "violation_count": len(self.violations)}, file,
                      indent=2)
            file.write("\n")


def slowest_recovery(done, wins):
    """(seconds, fault, others): the longest time from the end of a fault to the first of `wins`
    that was asked for after it, and how many other faults were on meanwhile. Or None."""
    wins = sorted((answer.began, answer.ended) for answer in wins)
    slowest = None
    for item in done:
        first = min((ended for began, ended in wins if began > item.ended), default=None)
        if first is not None and (slowest is None or first - item.ended > slowest[0]):
            others = sum(other is not item and other.began < first and other.ended > item.ended
                         for other in done)
            slowest = (first - item.ended, item.fault, others)
    return slowest


def sells_again(stack, number, is_ended):
    """Everything is healed: somebody new gets a sure answer at each engine. Its answers."""
    told = []

    def sure():
        answers = [ask_all(stack, number, [(f"probe-{number}-{engine}",
                                            f"key-of-probe-{number}-{engine}", "b")],
                           threads=1, engines=(engine,))[0] for engine in BOTH]
        told.extend(answers)
        return all(answer.status == 201 or is_ended and answer.code == "ended"
                   for answer in answers)

    wait_until(sure, REST_DEADLINE_S, f"sale {number} sells again", interval_s=0.3)
    return told


def wait_for_history(services, number):
    """Redis holds the sale on the history it has now: nobody is loading it any more."""
    redis_db = Redis(services)

    def fits():
        meta = redis_db.meta(number)
        return meta.get("replid") == redis_db.client.info("replication")["master_replid"] and (
            meta.get("state") in LOADED)

    wait_until(fits, REST_DEADLINE_S, f"sale {number} is loaded on the history of Redis")


def settle(stack, services, counter):
    """Open keys ask again, a new buyer buys, the sale comes to rest. (told, last audit)"""
    number, told = counter.sale.number, list(counter.shoppers.told)
    told += ask_again(stack, number, told, BOTH, REST_DEADLINE_S)
    told += sells_again(stack, number, counter.end_asked is not None)
    counter.payers.finish(REST_DEADLINE_S)
    wait_for_history(services, number)
    wait_for_rest(stack, services, number, REST_DEADLINE_S)  # all that was won has its row
    wait_for_decisions(services, number, REST_DEADLINE_S + counter.sale.pay_window_s)
    return told, wait_for_rest(stack, services, number, REST_DEADLINE_S)


def write_told(directory, number, told):
    """told-N.jsonl: all of it; told-N: what seckillctl audit compares."""
    with open(directory / f"told-{number}.jsonl", "w", encoding="ascii") as file:
        for answer in told:
            file.write(json.dumps(dataclasses.asdict(answer)) + "\n")
    path = directory / f"told-{number}"
    with open(path, "w", encoding="ascii") as file:
        for answer in told:
            outcome = "accepted" if answer.status == 201 else answer.code
            file.write(f"{outcome} {answer.buyer} {answer.order_no or '-'}\n")
    return path


def audit(stack, services, counter, told, last_audit, path):
    """([violation], rows) of one sale, by the history checker and by seckillctl."""
    number = counter.sale.number
    found = judge(services, number, told, last_audit, counter.payers.payments,
                  counter.payers.cancels)
    found += counter.wrong()
    result = ctl(stack, "audit", number, "--told", path)
    if result.returncode != 0:
        found.append(f"seckillctl audit: {result.returncode}: {result.stdout}{result.stderr}")
    return [f"sale {number}: {text}" for text in found], read_rows(services, number)


def count_kinds(done):
    return dict(collections.Counter(item.fault.kind for item in done))
