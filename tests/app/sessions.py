"""Sessions of the app without a browser: Streamlit's own messages over a websocket."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.util import calc_hash
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

SECONDS = 120.0
"""For one rerun on a machine at work."""


@attrs.define
class Session:
    """One reader of a page, who changes the parameters of the link.

    Parameters
    ----------
    page : the path of the page.
    id : of the session, after its first rerun.
    texts : all texts of the last rerun: of Markdown, figures and errors.
    size : bytes of the last rerun.
    messages : their number.
    """

    connection: ClientConnection
    page: str
    id: str = ""
    texts: list[str] = attrs.field(factory=list)
    size: int = 0
    messages: int = 0

    def rerun(self, query: Mapping[str, str]) -> None:
        """Run the page with these parameters; raise `TimeoutError` if it does not end."""
        request = BackMsg()
        request.rerun_script.query_string = urlencode(query)
        request.rerun_script.page_script_hash = calc_hash(self.page)
        self.connection.send(request.SerializeToString())
        self.texts, self.size, self.messages = [], 0, 0
        while True:
            data = self.connection.recv(SECONDS)
            assert isinstance(data, bytes)
            message = ForwardMsg.FromString(data)
            self.size += len(data)
            self.messages += 1
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.id = message.new_session.initialize.session_id
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._read(message.delta.new_element)
            if kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    def _read(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind in ("markdown", "heading", "metric", "alert", "exception"):
            part = getattr(element, kind)
            self.texts += [str(getattr(part, name)) for name in ("body", "message") if getattr(part, name, "")]
            if kind == "exception":
                self.texts.append(f"exception {json.dumps(part.type)}")


@contextmanager
def session(url: str, page: str = "tomorrow") -> Iterator[Session]:
    """Open a session of a page until the block ends."""
    address = f"ws://{urlsplit(url).netloc}/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None, origin=Origin(url)) as connection:
        yield Session(connection, page)


def upload(url: str, session_id: str, name: str, data: bytes) -> int:
    """Upload a file into a session, as a browser does, and return the status of the answer."""
    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=SECONDS) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    boundary = "a-boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    request = urllib.request.Request(
        f"{url}/_stcore/upload_file/{session_id}/{name}",
        head.encode() + data + f"\r\n--{boundary}--\r\n".encode(),
        {
            "Cookie": cookie,
            "X-Xsrftoken": cookie.partition("=")[2],
            "Content-Type": f"multipart/form-data; boundary={boundary}",
        },
        method="PUT",
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
