"""bench/windows: a window of wrong answers is measured again only where the host explains them."""

import sys

import pytest

from support import paths

sys.path.insert(0, str(paths.ROOT / "bench"))
from windows import D_S, TAKES, Windows, WrongAnswers, must_be  # noqa: E402


class Machine:
    """Of which so much is taken."""

    def __init__(self, taken):
        self.taken = lambda began: taken


def windows_of(*told, errors=0):
    """A function that measures windows, one of each of the answers; how often it was called."""
    left = [*told]

    def take():
        outcomes = left.pop(0)
        must_be("it", "accepted", outcomes, errors)
        return outcomes
    return take, lambda: len(told) - len(left)


def test_late_answers_of_a_stolen_core_are_measured_again(capsys):
    take, calls = windows_of({"accepted": 1, "outcome-unknown": 2},
                             {"outcome-unknown": 2, "overloaded": 1, "accepted": 1},
                             {"accepted": 9})
    windows, before = Windows(Machine(D_S)), []
    assert windows.measure(take, lambda: before.append(calls())) == {"accepted": 9}
    assert windows.again == 2 and before == [1, 2]
    assert capsys.readouterr().err.count("measured again") == 2
    windows.tell()
    assert "2 windows were measured again" in capsys.readouterr().out


def test_late_answers_of_a_machine_that_took_nothing_are_wrong():
    take, calls = windows_of({"accepted": 1, "outcome-unknown": 1}, {"accepted": 1})
    with pytest.raises(WrongAnswers, match="outcome-unknown"):
        Windows(Machine(D_S - 0.01)).measure(take)
    assert calls() == 1


@pytest.mark.parametrize("told", [{"accepted": 5, "sold-out": 1}, {}, {"accepted": 0},
                                  {"outcome-unknown": 3, "sold-out": 1}],
                         ids=["another", "nothing", "none", "late and another"])
def test_other_answers_are_wrong_whatever_was_taken(told):
    take, calls = windows_of(told, {"accepted": 1})
    with pytest.raises(WrongAnswers):
        Windows(Machine(60)).measure(take)
    assert calls() == 1


def test_errors_are_wrong_beside_late_answers_too():
    take, calls = windows_of({"accepted": 1, "outcome-unknown": 1}, {"accepted": 1}, errors=3)
    with pytest.raises(WrongAnswers, match="errors 3"):
        Windows(Machine(60)).measure(take)
    assert calls() == 1


def test_it_ends():
    take, calls = windows_of(*[{"overloaded": 1}] * (TAKES + 1))
    with pytest.raises(WrongAnswers):
        Windows(Machine(60)).measure(take)
    assert calls() == TAKES


def test_good_windows_say_nothing(capsys):
    take, _ = windows_of({"accepted": 1})
    windows = Windows(Machine(60))
    windows.measure(take)
    windows.tell()
    said = capsys.readouterr()
    assert not said.out and not said.err
