"""wall_clock: the wall clock of single processes, shifted while they run (tests/support/clock).

    clock = Clock()
    ... a process is started with clock.environment() ...
    clock.shift(3600)
"""

import struct

from support import paths


class Clock:
    """One shift, for as many processes as were started with it. CLOCK_MONOTONIC goes on."""

    def __init__(self):
        self.path = paths.work_directory("clock") / "shift"
        self.path.write_bytes(struct.pack("=q", 0))

    def environment(self):
        return {"LD_PRELOAD": str(paths.BUILD / "tests" / "support" / "clock" / "libwall_clock.so"),
                "SECKILL_CLOCK_FILE": str(self.path)}

    def shift(self, seconds):
        """From now on; 0: the true time. Written in place: the file is mapped."""
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q", int(seconds * 1000)))
