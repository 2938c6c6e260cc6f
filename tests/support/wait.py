"""wait: the one way in which tests wait.

A test says what it waits for and until when; it never just sleeps.
"""

import os
import time

from support.stalls import machine

INTERVAL_S = 0.02


def wait_until(predicate, deadline_s, what, ignoring=(), interval_s=INTERVAL_S):
    """Returns the first true value of predicate(). At the deadline: AssertionError with `what`.

    Time that the machine took (support/stalls) does not count.
    Exceptions of the types in `ignoring` count as "not yet" and are told at the deadline.
    The predicate is asked at least once, and once more at the deadline.
    """
    began = time.monotonic()
    end = began + deadline_s
    while True:
        late = time.monotonic() >= end
        if late:
            end = began + deadline_s + machine.taken(began)
            late = time.monotonic() >= end
        seen = None
        try:
            value = predicate()
            if value:
                return value
            seen = f"last value {value!r}"
        except ignoring as error:
            seen = f"last error {type(error).__name__}: {error}"
        if late:
            raise AssertionError(f"not within {deadline_s} s: {what} ({seen}; the machine took "
                                 f"{machine.taken(began):.1f} s)")
        time.sleep(min(interval_s, max(0.0, end - time.monotonic())))


def stands_still(pid):
    """True once a SIGSTOP has reached every thread of the process."""
    states = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
                states.add(file.read().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass  # the thread has ended
    return states == {"T"}


def hold_for(predicate, duration_s, what, interval_s=INTERVAL_S):
    """Asserts that predicate() stays true for `duration_s`: for things that must not happen."""
    end = time.monotonic() + duration_s
    while True:
        late = time.monotonic() >= end
        assert predicate(), f"did not hold for {duration_s} s: {what}"
        if late:
            return
        time.sleep(min(interval_s, max(0.0, end - time.monotonic())))
