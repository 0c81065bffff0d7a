"""The hub for a room whose learners all work on one machine.

docs/hub.md explains it.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from workshop import homes

# JupyterHub defines this function.
c = get_config()  # type: ignore[name-defined]  # noqa: F821

if os.geteuid() != 0:
    sys.exit("Start the hub as root: it runs each learner as another user.")

ROOM = Path(os.environ.get("WORKBOOK_ROOM", "/srv/room"))
SHARED = os.environ.get("WORKBOOK_SHARED", "/srv/workbook")
ADDRESS = os.environ.get("WORKBOOK_ADDRESS", "http://:8000")
PORT = urlsplit(ADDRESS).port
if not PORT:
    sys.exit(f"WORKBOOK_ADDRESS={ADDRESS}: add a port, as in http://:8000")

# What no learner may read.
SECRET = ROOM / "hub"
SECRET.mkdir(mode=0o700, parents=True, exist_ok=True)
ACCOUNTS = SECRET / "accounts.csv"
if not ACCOUNTS.exists():
    homes.make_accounts(ACCOUNTS)

# Who signs in: the accounts, each with a password of its own.
c.JupyterHub.authenticator_class = "workshop.learners.Accounts"
c.Accounts.path = str(ACCOUNTS)
c.Authenticator.allow_all = True  # of the accounts
# A name is also that of a folder.
c.Authenticator.username_pattern = r"[a-z0-9][a-z0-9-]{0,30}\Z"

# What each gets: a server, as a user of their own, in a home of their own.
c.JupyterHub.spawner_class = "workshop.learners.OwnUser"
c.OwnUser.home_dir_template = f"{ROOM}/learners/{{username}}"
c.Spawner.cmd = [f"{sys.prefix}/bin/jupyterhub-singleuser"]
c.Spawner.notebook_dir = "~/workbook"
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.Spawner.environment = {"WORKBOOK_SHARED": SHARED}
c.Spawner.start_timeout = 300  # seconds; all come at once
c.Spawner.http_timeout = 300

# Where the hub itself listens, and keeps its own files.
PROXY = Path(sys.prefix, "proxy/node_modules/.bin/configurable-http-proxy")
c.JupyterHub.bind_url = ADDRESS
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PORT + 1}"
c.JupyterHub.cookie_secret_file = f"{SECRET}/cookie_secret"
c.JupyterHub.db_url = f"sqlite:///{SECRET}/hub.sqlite"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 2}"
c.ConfigurableHTTPProxy.command = [str(PROXY)]
c.ConfigurableHTTPProxy.pid_file = f"{SECRET}/proxy.pid"
