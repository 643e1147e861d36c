"""How much one session may upload."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FILES, MEGABYTES = 3, 60
"""What one session may hold at the same time; Streamlit itself limits one file alone."""
FORGOTTEN_SECONDS = 24 * 3600.0
"""After this time without an upload a session is no longer counted."""
_UPLOAD = re.compile(r".*/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)")


class UploadLimits:
    """Refuses more files, or more bytes, than a session may hold; a file that is removed no longer counts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._held: dict[str, dict[str, int]] = {}
        self._last: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = _UPLOAD.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in ("PUT", "DELETE"):
            await self._app(scope, receive, send)
            return
        session, file = found["session"], found["file"]
        if scope["method"] == "DELETE":
            self._held.get(session, {}).pop(file, None)
            await self._app(scope, receive, send)
            return
        self._forget()
        held = self._held.setdefault(session, {})
        self._last[session] = time.monotonic()
        others = sum(size for name, size in held.items() if name != file)
        if file not in held and len(held) >= FILES:
            await PlainTextResponse("Too many files in this session", 413)(scope, receive, send)
            return
        held[file] = 0
        limit = MEGABYTES * 1_000_000 - others
        refused = False

        async def measured() -> Message:
            nonlocal refused
            message = await receive()
            held[file] = held.get(file, 0) + len(message.get("body", b""))
            if held[file] > limit:
                refused = True
                return {"type": "http.disconnect"}
            return message

        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if not refused:
                await send(message)

        try:
            await self._app(scope, measured, answer)
        except Exception:
            if not refused:
                raise
        if refused or status >= 400:
            held.pop(file, None)
        if refused:
            await PlainTextResponse("Too much in this session", 413)(scope, receive, send)

    def _forget(self) -> None:
        """Forget the sessions without an upload for long, so that the table does not grow."""
        now = time.monotonic()
        for session in [name for name, last in self._last.items() if now - last > FORGOTTEN_SECONDS]:
            self._held.pop(session, None)
            self._last.pop(session, None)
