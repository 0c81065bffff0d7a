"""A simulated learner: signs in to the hub and runs the cells of a lesson."""

import json
import time
from typing import Any

import requests
import websocket
from jupyter_client.session import Session

TIMEOUT = 1800  # seconds for a cell, and for a server to start


class LearnerError(Exception):
    """Why a learner could not go on, in one sentence."""


class Learner:
    """A learner in a browser: cookies, a server, a kernel."""

    # Set by `open`.
    _session: str
    _channel: websocket.WebSocket

    def __init__(self, address: str, name: str):
        self.name = name
        self._address, self._path = address, f"/user/{name}/"
        self._browser = requests.Session()

    def sign_in(self, password: str) -> None:
        """Fill in the form and wait until the learner's server runs."""
        login, deadline = "/hub/login", time.monotonic() + TIMEOUT
        self.request("GET", login)
        form = {
            "username": self.name,
            "password": password,
            "_xsrf": self._browser.cookies.get("_xsrf", path="/hub/"),
        }
        page = self.request("POST", login, data=form)
        while not page.url.startswith(f"{self._address}{self._path}"):
            if not page.ok or login in page.url:
                raise LearnerError(
                    f"signing in failed ({page.status_code} at {page.url})"
                )
            if time.monotonic() > deadline:
                raise LearnerError("the server did not start")
            time.sleep(1)
            page = self.request("GET", f"/hub/spawn-pending/{self.name}")

    def open(self, path: str) -> list[str]:
        """Start the kernel of a notebook; return the source of its cells.

        Args:
            path: below the folder that the server shows, with `/`.
        """
        page = self.request("GET", f"{self._path}api/contents/{path}")
        if not page.ok:
            raise LearnerError(f"{path} can't be opened ({page.status_code})")
        wanted = {"path": path, "name": path, "type": "notebook"}
        session = self.request(
            "POST",
            f"{self._path}api/sessions",
            json={**wanted, "kernel": {"name": "python3"}},
        )
        if not session.ok:
            raise LearnerError(f"no kernel starts ({session.status_code})")
        self._session = session.json()["id"]
        kernel = session.json()["kernel"]["id"]
        url = f"{self._address}{self._path}api/kernels/{kernel}/channels"
        request = requests.Request("GET", url)
        cookies = self._browser.prepare_request(request).headers["Cookie"]
        self._channel = websocket.create_connection(
            url.replace("http", "ws", 1), cookie=cookies, timeout=TIMEOUT
        )
        cells = page.json()["content"]["cells"]
        return [c["source"] for c in cells if c["cell_type"] == "code"]

    def run(self, source: str, expression: str = "None") -> str:
        """Run a cell; return the value of an expression afterwards, as text.

        Raises:
            LearnerError: the cell raised, or the kernel is gone.
        """
        content = {"code": source, "silent": False, "allow_stdin": False}
        content["user_expressions"] = {"value": expression}
        message = Session(username=self.name).msg("execute_request", content)
        message["channel"] = "shell"
        try:
            self._channel.send(json.dumps(message, default=str))
            reply = self._reply(message["msg_id"])
        except (OSError, websocket.WebSocketException) as error:
            raise LearnerError(f"the kernel is gone ({error})") from None
        if reply["status"] != "ok":
            raise LearnerError(f"{reply.get('ename')}: {reply.get('evalue')}")
        return reply["user_expressions"]["value"]["data"]["text/plain"]

    def _reply(self, number: str):
        while True:
            frame = self._channel.recv()
            if isinstance(frame, bytes):  # an output with buffers
                continue
            message = json.loads(frame)
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "restarting":
                raise LearnerError("the kernel died")
            is_mine = message["parent_header"].get("msg_id") == number
            if is_mine and kind == "execute_reply":
                return content

    def close(self) -> None:
        """End the kernel, which frees its memory."""
        self.request("DELETE", f"{self._path}api/sessions/{self._session}")

    def request(self, method: str, path: str, **form: Any) -> Any:
        """Ask the hub or a server as this learner; return the response."""
        token = self._browser.cookies.get("_xsrf", path=self._path)
        return self._browser.request(
            method,
            f"{self._address}{path}",
            headers={"X-XSRFToken": token} if token else None,
            timeout=TIMEOUT,
            **form,
        )
