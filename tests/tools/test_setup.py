"""tools/setup and tools/test: what can be shown without installing anything."""

import os
import subprocess

import pytest

from support import paths

SETUP = paths.ROOT / "tools" / "setup"


def bash(script, cache):
    """Runs a script that has sourced tools/setup."""
    return subprocess.run(
        ["bash", "-uc", f'. "{SETUP}"\n{script}'], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False, env={**os.environ, "SECKILL_CACHE": str(cache)})


@pytest.mark.parametrize("entries, missing", [
    ("bash coreutils", []),
    ("bash no-such-package", ["no-such-package"]),
    ("'no-such-package|bash'", []),
    ("'no-such-package|nor-this'", ["no-such-package|nor-this"]),
    ("bas 'ash'", ["bas", "ash"]),
])
def test_only_missing_packages_are_named(tmp_path, entries, missing):
    assert bash(f"setup_missing {entries}", tmp_path).stdout.split() == missing


def test_the_first_installable_name_is_chosen(tmp_path):
    assert bash("setup_choose 'no-such-package|bash|coreutils'", tmp_path).stdout == "bash\n"
    done = bash("setup_choose_all bash no-such-package", tmp_path)
    assert done.returncode != 0
    assert done.stdout == ""


def test_nothing_missing_touches_nothing(tmp_path):
    done = bash("setup_as_root() { echo root; }; setup_packages bash coreutils", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_package_that_nobody_has_is_told(tmp_path):
    done = bash("setup_as_root() { true; }; setup_packages no-such-package", tmp_path)
    assert done.returncode == 1
    assert "no installable package for one of: no-such-package" in done.stderr


def test_an_interrupted_install_leaves_no_guard_behind(tmp_path):
    guard = tmp_path / "policy-rc.d"
    done = bash(f'SETUP_GUARD="{guard}"; setup_as_root() {{ '
                f'if [ "$1" = env ]; then ls "{guard}"; kill -TERM "$BASHPID"; else "$@"; fi; }}; '
                'setup_install no-such-package', tmp_path)
    assert done.returncode != 0
    assert (tmp_path / "apt.log").read_text() == f"{guard}\n", "it stood there for the install"
    assert not guard.exists()


def test_without_root_and_sudo_it_says_so(tmp_path):
    done = bash('id() { echo 1000; }; command() { false; }; setup_as_root apt-get update', tmp_path)
    assert done.returncode == 1
    assert "neither root nor is there sudo" in done.stderr


def test_a_cache_is_filled_once_and_again_when_half_filled(tmp_path):
    fill = 'fill() { echo filled; touch "$1"; }; '
    once = fill + f'setup_once "{tmp_path}/thing" fill "{tmp_path}/thing/file"'
    assert bash(once, tmp_path).stdout == "filled\n"
    assert bash(once, tmp_path).stdout == ""
    (tmp_path / "thing" / ".complete").unlink()
    (tmp_path / "thing" / "rest").write_text("")
    assert bash(once, tmp_path).stdout == "filled\n"
    assert not (tmp_path / "thing" / "rest").exists()


def test_a_failed_filling_is_not_complete(tmp_path):
    done = bash(f'setup_once "{tmp_path}/thing" false', tmp_path)
    assert done.returncode == 1
    assert not (tmp_path / "thing" / ".complete").exists()


def test_a_failed_command_shows_the_end_of_its_log(tmp_path):
    done = bash(f'setup_quietly "{tmp_path}/log" bash -c "echo why; exit 3"', tmp_path)
    assert done.returncode == 1
    assert "why" in done.stderr


def test_setup_asks_nobody_when_nothing_is_missing(tmp_path):
    """It is quick because what is slow is not even started."""
    calls = tmp_path / "calls"
    for name in ("apt-get", "apt-cache", "apt", "sudo", "mvn", "pip", "pip3", "curl", "wget"):
        stub = tmp_path / name
        stub.write_text(f'#!/bin/sh\necho "$0 $*" >>"{calls}"\nexit 1\n')
        stub.chmod(0o755)
    done = subprocess.run([SETUP, "services"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (done.returncode, done.stderr) == (0, "")
    assert not calls.exists(), calls.read_text()


def test_wrong_usage_is_told():
    for words in ([SETUP, "everything"], [paths.ROOT / "tools" / "test", "--bad"],
                  [paths.ROOT / "tools" / "test", "--suite"]):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 2, words
        assert done.stderr, words


def test_help_is_given():
    for name in ("setup", "test", "services"):
        done = subprocess.run([paths.ROOT / "tools" / name, "--help"], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0
        assert name in done.stdout
