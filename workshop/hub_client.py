"""A simulated learner: signs in to the hub, opens a lesson, runs its cells."""

import json
import time
from typing import Any

import requests
import websocket
from jupyter_client.session import Session
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
)

CELL_TIMEOUT = 1800  # seconds; also for a server to start
PAGE_TIMEOUT = 300  # seconds; thirty learners may ask at once


class LearnerError(Exception):
    """Why a learner could not go on, in one sentence."""


def decode(frame: str | bytes) -> dict[str, Any]:
    """Return a message of a kernel; one with buffers comes as bytes."""
    if isinstance(frame, bytes):
        return deserialize_binary_message(frame)
    return json.loads(frame)


class Learner:
    """A learner in a browser: cookies, a server, a kernel.

    Args:
        address: of the hub, such as "http://127.0.0.1:8000".
        name: with which the learner signs in.
    """

    # Set by `open`.
    _session: str
    _channel: websocket.WebSocket

    def __init__(self, address: str, name: str):
        self.name = name
        self._hub, self._server = f"{address}/hub", f"{address}/user/{name}"
        self._browser = requests.Session()

    def sign_in(self, password: str) -> None:
        """Fill in the form and wait until the learner's server runs."""
        self._get(f"{self._hub}/login")
        form = {"username": self.name, "password": password}
        form["_xsrf"] = self._token("/hub/")
        page = self._browser.post(
            f"{self._hub}/login", data=form, timeout=PAGE_TIMEOUT
        )
        deadline = time.monotonic() + CELL_TIMEOUT
        while not page.url.startswith(f"{self._server}/"):
            if not page.ok or "/login" in page.url:
                raise LearnerError(
                    f"signing in failed ({page.status_code} at {page.url})"
                )
            if time.monotonic() > deadline:
                raise LearnerError("the server did not start")
            time.sleep(1)
            page = self._get(f"{self._hub}/spawn-pending/{self.name}")

    def open(self, path: str) -> list[str]:
        """Start the kernel of a notebook; return the source of its cells.

        Args:
            path: below the folder that the server shows, with `/`.
        """
        page = self._get(f"{self._server}/api/contents/{path}")
        if not page.ok:
            raise LearnerError(f"{path} can't be opened ({page.status_code})")
        session = self._browser.post(
            f"{self._server}/api/sessions",
            json={
                "path": path,
                "name": path,
                "type": "notebook",
                "kernel": {"name": "python3"},
            },
            headers=self._xsrf_header(),
            timeout=CELL_TIMEOUT,
        )
        if not session.ok:
            raise LearnerError(f"no kernel starts ({session.status_code})")
        self._session = session.json()["id"]
        kernel = session.json()["kernel"]["id"]
        url = f"{self._server}/api/kernels/{kernel}/channels"
        request = requests.Request("GET", url)
        cookies = self._browser.prepare_request(request).headers["Cookie"]
        self._channel = websocket.create_connection(
            url.replace("http", "ws", 1), cookie=cookies, timeout=CELL_TIMEOUT
        )
        cells = page.json()["content"]["cells"]
        return [c["source"] for c in cells if c["cell_type"] == "code"]

    def run(self, source: str, expression: str = "None") -> str:
        """Run a cell; return the value of an expression afterwards, as text.

        Args:
            source: the code of the cell.
            expression: evaluated in the kernel after the cell.

        Raises:
            LearnerError: the cell raised, or the kernel is gone.
        """
        content = {"code": source, "silent": False, "allow_stdin": False}
        content["user_expressions"] = {"value": expression}
        message = Session(username=self.name).msg("execute_request", content)
        message["channel"] = "shell"
        number = message["msg_id"]
        try:
            self._channel.send(json.dumps(message, default=str))
            reply = self._reply(number)
        except (OSError, websocket.WebSocketException) as error:
            raise LearnerError(f"the kernel is gone ({error})") from None
        if reply["status"] != "ok":
            raise LearnerError(
                f"{reply.get('ename')}: {reply.get('evalue')}".strip()
            )
        return reply["user_expressions"]["value"]["data"]["text/plain"]

    def _reply(self, number: str):
        """Return the reply to a request, after all its outputs."""
        reply, idle = None, False
        while reply is None or not idle:
            message = decode(self._channel.recv())
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "restarting":
                raise LearnerError("the kernel died")
            if message["parent_header"].get("msg_id") != number:
                continue
            if kind == "execute_reply":
                reply = content
            elif kind == "status":
                idle = content["execution_state"] == "idle"
        return reply

    def close(self) -> None:
        """End the kernel, which frees its memory."""
        self._browser.delete(
            f"{self._server}/api/sessions/{self._session}",
            headers=self._xsrf_header(),
            timeout=PAGE_TIMEOUT,
        )

    def can_open(self, name: str) -> bool:
        """Return whether the files of another learner are visible."""
        address = self._hub.removesuffix("/hub")
        return self._get(f"{address}/user/{name}/api/contents/").ok

    def _get(self, url: str):
        return self._browser.get(url, timeout=PAGE_TIMEOUT)

    def _xsrf_header(self):
        """Return the header by which a server knows its own page."""
        return {"X-XSRFToken": self._token(f"/user/{self.name}/")}

    def _token(self, path: str):
        return self._browser.cookies.get("_xsrf", path=path)
