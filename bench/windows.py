"""windows: what a measured window may be told, and which one is measured again: where the host of
a virtual machine gives its processor to others for longer than the engine's deadline, buyers are
rightly told "outcome-unknown", and the window says nothing about the engine. Standard library
only."""

import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from support import stalls  # noqa: E402

TAKES = 4  # of one window
D_S = 1.0  # the engine's deadline for an answer (docs/PROTOCOL.md)
LATE = {"outcome-unknown", "overloaded"}  # what a passed deadline means


class WrongAnswers(Exception):
    """A window in which not all was told that it means."""

    def __init__(self, text, others, errors=0):
        super().__init__(text)
        self.is_late = bool(others) and not errors and set(others) <= LATE


def must_be(who, wanted, outcomes, errors=0):
    """Raises WrongAnswers unless something was told, and nothing but what is wanted."""
    others = {code: count for code, count in outcomes.items() if code != wanted}
    if others or errors or not outcomes.get(wanted):
        raise WrongAnswers(f"{who}: wanted nothing but \"{wanted}\", but was told "
                           f"{outcomes or 'nothing'}, errors {errors}", others, errors)


class Windows:
    """Counts those that were measured again; `machine` knows what was taken (support/stalls)."""

    def __init__(self, machine=None):
        self.machine = machine or stalls.machine
        self.again = 0

    def measure(self, take, before_again=lambda: None):
        """What take() returns. It is called again, behind before_again(), when it raises
        WrongAnswers of passed deadlines and more than such a deadline was taken of a core
        meanwhile; at most TAKES times in all."""
        takes = 0
        while True:
            began = time.monotonic()
            try:
                return take()
            except WrongAnswers as wrong:
                takes += 1
                taken = self.machine.taken(began)
                if takes == TAKES or not wrong.is_late or taken < D_S:
                    raise
                self.again += 1
                print(f"{wrong}; the host took {taken:.1f} s of a core meanwhile: measured again",
                      file=sys.stderr)
                before_again()

    def tell(self):
        if self.again:
            print(f"{self.again} windows were measured again: the host took a core for longer than "
                  "the engine's deadline")
