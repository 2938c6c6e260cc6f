"""programs: the two daemons run to their end, as a start that is refused, or --check-config."""

import subprocess

from support import paths
from support.ports import free_port

CONFIG = 2  # exit status
PROGRAMS = ("seckilld", "seckill-worker")
DEAD_PORT = 1  # nobody listens there


def run(program, *words, environment=None, timeout_s=30):
    return subprocess.run([paths.program(program), *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout_s, check=False,
                          env=environment)


def settings(program, secret_file, **changes):
    """Settings that check-config accepts; `changes` in the form redis__port=1."""
    name = "jwt.secret_file" if program == "seckilld" else "worker.admin_token_file"
    return {name: str(secret_file), "redis.port": DEAD_PORT,
            "kafka.brokers": f"127.0.0.1:{DEAD_PORT}", "mysql.port": DEAD_PORT,
            "http.port": free_port(), "ops.port": free_port(),
            "worker.admin_port": free_port(), "worker.ops_port": free_port(),
            **{key.replace("__", "."): value for key, value in changes.items()}}


def refused(done, status, *words):
    """It ended with one clear line that has these words, and nothing else."""
    assert done.returncode == status, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and done.stdout == "", done
    for word in words:
        assert word in lines[0], lines[0]
