"""failpoints: makes one of several processes end, stop, wait or fail at a named place, once.

For builds with -Dfailpoints=true (engine/common/failpoint.h). Whoever of them passes the point
first takes the claim by renaming it; to all others the point is nothing, however soon they pass it.
"""

from support.wait import stands_still, wait_until

TAKEN_S = 60


class Shot:
    """What was armed by arm()."""

    def __init__(self, daemons, point, action, claim):
        self.daemons, self.point, self.action, self.claim = daemons, point, action, claim

    def taken_by(self, daemon):
        """The name that the claim has once this one took it."""
        return self.claim.with_name(f"{self.claim.name}.{daemon.name}")

    def taker(self):
        """The one that passed the point; None: nobody yet."""
        return next((each for each in self.daemons if self.taken_by(each).exists()), None)

    def disarm(self):
        """From now on nobody does it. False: somebody has taken it already."""
        try:
            self.claim.unlink()
        except FileNotFoundError:
            return self.taker() is None
        return True

    def wait(self, deadline_s=TAKEN_S):
        """Who passed the point, once the action is done to it: it has ended, or stands still."""
        daemon = wait_until(self.taker, deadline_s, f"somebody passes {self.point}")
        if self.action == "kill":
            wait_until(lambda: not daemon.is_alive(), TAKEN_S, f"{daemon.name} ends")
        elif self.action == "stop":
            wait_until(lambda: stands_still(daemon.pid), TAKEN_S, f"{daemon.name} stands still")
        return daemon


def arm(daemons, point, action):
    """The first of these processes to pass the point does the action, and no other one: kill,
    stop, delay:MS or fail. What they were armed with before is forgotten. Returns the shot."""
    for daemon in daemons:
        daemon.disarm()
    claim = daemons[0].failpoint_path.with_suffix(f".claim-{daemons[0].next_shot()}")
    claim.touch()
    shot = Shot(list(daemons), point, action, claim)
    for daemon in daemons:
        daemon.load_shot(shot)
    return shot
