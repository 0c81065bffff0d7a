"""Starts each learner's server as a user of its own."""

import os
from collections.abc import Callable
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

from workshop import homes


class OwnUser(SimpleLocalProcessSpawner):
    """A server that can read and change its learner's home and no other.

    The simple spawner would run all of them as the user that the hub runs
    as; this one gives each the user id to which the home belongs.
    """

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        home = Path(self.home_dir)
        number = homes.ready(home)

        def become_the_learner() -> None:
            # An error here ends the start: nobody works as root.
            os.setgroups([])
            os.setgid(number)
            os.setuid(number)
            os.umask(0o077)
            os.chdir(home)

        return become_the_learner
