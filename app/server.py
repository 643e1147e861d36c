"""The app as an ASGI application: its configuration, headers and limits."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from streamlit import config

from bike_traffic.app.failures import hide_messages, log_failure, logger, report
from bike_traffic.app.headers import Hidden, HtmlLanguage, SecurityHeaders
from bike_traffic.app.limits import UploadLimits
from bike_traffic.app.opening import configure
from bike_traffic.workspace import Workspace


def serve(workspace: Workspace, *, host: str, port: int, hosts: Sequence[str]) -> None:
    """Serve the app in this process until it is told to stop; the parameters are those of `bt app`."""
    app = create_app(workspace, hosts=hosts)
    # One process: the uploads and the state of a session are in its memory.
    uvicorn.run(app, host=host, port=port, workers=1, log_level="warning", server_header=False)


def create_app(workspace: Workspace, *, hosts: Sequence[str] = ()) -> st.App:
    """Return the app on a workspace.

    Parameters
    ----------
    hosts : the names under which the app is reached, beside those of this machine; none admits every name.
    """
    configure(workspace)
    hide_messages()
    script = Path(str(files("bike_traffic.app") / "main.py"))
    app = st.App(
        script,
        lifespan=_warm_up,
        middleware=[
            Middleware(Hidden),
            Middleware(SecurityHeaders),
            Middleware(HtmlLanguage),
            Middleware(UploadLimits),
        ],
        on_script_error=report,
    )
    if hosts:
        config.set_option("server.allowedHosts", [*hosts, "localhost", "127.0.0.1"])
    return app


@asynccontextmanager
async def _warm_up(app: st.App) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG001
    """Load the best model beside the first requests, so that the first reader waits less."""
    threading.Thread(target=_load_best, name="warm-up", daemon=True).start()
    yield {}


def _load_best() -> None:
    from bike_traffic.app import state
    from bike_traffic.errors import BikeTrafficError

    try:
        state.model(state.choose(state.Choice()).record.run_id)
    except BikeTrafficError as error:
        logger.warning("no model at the start: %s", error.id)
    except Exception as error:  # the page reports it to its reader
        log_failure(error)
