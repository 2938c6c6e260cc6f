"""The run of tools/chaos, which has checked the arguments and built what this needs."""

import argparse
import pathlib
import shutil
import sys

from support.chaos.plan import make_plan
from support.chaos.run import Interrupted, Interrupts, Run, tell

GOOD, VIOLATED, FAILED, INTERRUPTED = 0, 1, 2, 130


def read_arguments():
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--before-audit")
    return parser.parse_args()


def follow(run, before_audit):
    """Exit status of the run so far."""
    try:
        run.start()
        run.go()
        run.heal()
        run.judge(before_audit)
        return GOOD
    except Interrupted:
        tell("== interrupted: stopping what was started")
        return INTERRUPTED
    except Exception as error:  # whatever it is, what was started must end
        tell(f"chaos: FAILED: {type(error).__name__}: {error}")
        return FAILED


def main():
    arguments, interrupts = read_arguments(), Interrupts()
    run = Run(make_plan(arguments.seed, arguments.minutes * 60), arguments.dir, interrupts)
    status = follow(run, arguments.before_audit)
    violations = run.report.violations
    is_kept = status == FAILED or bool(violations)
    try:
        with interrupts.shielded():
            failures = run.close(is_kept)
    except Interrupted:
        status = INTERRUPTED
    if status == INTERRUPTED:
        shutil.rmtree(arguments.dir, ignore_errors=True)
        tell("== interrupted: nothing of it runs any more")
        return INTERRUPTED
    violations += [f"at the end: {text}" for text in failures]
    if status == GOOD:
        tell(f"== seed {arguments.seed}, {arguments.minutes:g} minutes")
        tell(str(run.report))
    if arguments.json and status == GOOD:
        run.report.write(arguments.json)
    if violations and status == GOOD:
        status = VIOLATED
    if status == GOOD:
        shutil.rmtree(arguments.dir, ignore_errors=True)
    else:
        for text in [] if status == VIOLATED else violations:
            tell(f"  {text}")
        tell(f"kept: {arguments.dir}: logs, data, told-N.jsonl, what buyers of sale N were told")
    return status


sys.exit(main())
