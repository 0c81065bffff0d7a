"""How learners sign in, and as whom their servers run."""

import hmac
import os
from collections.abc import Callable
from pathlib import Path

from jupyterhub.auth import Authenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode

from workshop import homes


class Accounts(Authenticator):
    """Signs in whoever knows the password of an account."""

    path = Unicode(config=True, help="The file that `homes.accounts` reads.")

    def authenticate(
        self, handler: object, data: dict[str, str]
    ) -> str | None:
        """Return the name of the account, or None."""
        name, given = data["username"], data["password"]
        password = homes.accounts(Path(self.path)).get(name)
        same = password and hmac.compare_digest(
            password.encode(), given.encode()
        )
        return name if same else None


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
