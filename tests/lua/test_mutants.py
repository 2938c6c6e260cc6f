"""Each fault of mutants/mutants.toml is noticed by the suite.

A copy of lua/ with the one line changed is run under the tests of its script (of what is shared:
of purchase's), the fence's and the model's. The copy without a change must pass the same tests.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

import pytest

from redis_server import RedisError
from scripts import ROOT, script_text

HERE = pathlib.Path(__file__).resolve().parent
MUTANTS = tomllib.loads((HERE / "mutants" / "mutants.toml").read_text())["mutant"]
SUITES = {"load_begin": "load", "load_part": "load", "load_end": "load", "close_fence": "load",
          "catalogue_put": "catalogue", "fence": "purchase"}
CONTROL = "unchanged"
RUNS_AT_ONCE = 2
RUN_DEADLINE_S = 240
PYTEST_FAILED = 1  # tests ran and some failed; anything else is a broken run


def name_of(mutant):
    return f"{mutant['file']}: {mutant['why']}"


def mutate(text, mutant):
    """The text with the line changed; `nth` counts when it stands there more than once."""
    lines = text.splitlines(keepends=True)
    places = [n for n, line in enumerate(lines) if line.strip() == mutant["line"]]
    nth = mutant.get("nth")
    assert places, f"{mutant['file']} has no line `{mutant['line']}` any more"
    assert nth or len(places) == 1, f"{mutant['file']}: `{mutant['line']}` is there more than once"
    place = places[(nth or 1) - 1]
    indent = lines[place][:len(lines[place]) - len(lines[place].lstrip())]
    lines[place] = indent + mutant["with"] + "\n"
    return "".join(lines)


def run_suite(directory, scripts):
    """pytest in a process of its own, to the first failure."""
    suites = [SUITES.get(script, script) for script in scripts]
    if "purchase" in suites:
        suites.append("purchase_refused")
    files = [HERE / f"test_{name}.py" for name in dict.fromkeys([*suites, "fence", "model"])]
    environment = {**os.environ, "SECKILL_LUA_DIR": str(directory), "SECKILL_LUA_STEPS": "900",
                   "SECKILL_SEED": "1"}
    return subprocess.run([sys.executable, "-m", "pytest", "-x", "-q", *map(str, files)],
                          cwd=ROOT / "tests", env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=RUN_DEADLINE_S, check=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The run of each mutant, and of the control, two at a time."""
    with concurrent.futures.ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
        started = {}
        control = tmp_path_factory.mktemp("control")
        shutil.copytree(ROOT / "lua", control / "lua")
        names = sorted({pathlib.Path(mutant["file"]).stem for mutant in MUTANTS})
        started[CONTROL] = pool.submit(run_suite, control / "lua", names)
        for mutant in MUTANTS:
            directory = tmp_path_factory.mktemp("mutant") / "lua"
            shutil.copytree(ROOT / "lua", directory)
            path = directory / mutant["file"]
            try:
                path.write_text(mutate(path.read_text(), mutant))
            except AssertionError:
                continue  # told by the mutant's own test
            started[name_of(mutant)] = pool.submit(run_suite, directory, [path.stem])
        yield started
        for future in started.values():
            future.cancel()


def test_the_unchanged_scripts_pass(runs):
    done = runs[CONTROL].result()
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mutant", MUTANTS, ids=name_of)
def test_the_fault_is_noticed(mutant, runs, redis, tmp_path):
    directory = tmp_path / "lua"
    shutil.copytree(ROOT / "lua", directory)
    path = directory / mutant["file"]
    path.write_text(mutate(path.read_text(), mutant))
    try:
        for script in directory.glob("*.lua"):
            redis("SCRIPT", "LOAD", script_text(script))
    except RedisError as error:
        pytest.fail(f"the mutant is no script: {error}")
    done = runs[name_of(mutant)].result()
    assert done.returncode == PYTEST_FAILED, done.stdout
    assert "\nFAILED " in done.stdout and "\nERROR " not in done.stdout, done.stdout


def test_there_are_mutants_of_every_kind():
    assert len(MUTANTS) >= 14
    assert len({name_of(mutant) for mutant in MUTANTS}) == len(MUTANTS)
