"""ctl: runs seckillctl against a stack's worker."""

import os
import subprocess

from support import paths
from support.wait import wait_until

TIMEOUT_S = 60


def ctl(stack, *words, token=True, url=True, environment=None, timeout_s=TIMEOUT_S):
    """Its CompletedProcess; the caller judges the exit status."""
    host, port = stack.admin.address
    known = {name: value for name, value in os.environ.items() if not name.startswith("SECKILL_")}
    if url:
        known["SECKILL_ADMIN_URL"] = f"http://{host}:{port}"
    if token:
        known["SECKILL_ADMIN_TOKEN"] = stack.admin_token
    return subprocess.run(
        [paths.program("seckillctl"), *map(str, words)], env={**known, **(environment or {})},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False)


def ctl_once_reached(stack, *words, deadline_s=TIMEOUT_S):
    """As ctl(), again while the worker says that a service behind it cannot be reached."""
    def reached():
        done = ctl(stack, *words)
        return None if done.returncode == 3 and "[unavailable]" in done.stderr else done

    return wait_until(reached, deadline_s, f"the services behind seckillctl {words}",
                      interval_s=0.5)
