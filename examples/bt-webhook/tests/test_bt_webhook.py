"""Notices arrive whole at a real server; what does not arrive is said without the URL."""

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bike_traffic import ModelRecord
from bt_webhook import URL_VARIABLE, bt_after_train
from bt_webhook.notice import NotPosted, notice_of, post

RECORD = ModelRecord(
    timestamp="2026-03-01T12:00:00.000000+00:00",
    model_type="rf",
    env="prod",
    test_mode=False,
    run_id="abcd1234",
    metrics={"r2": 0.78125, "rmse": 19.196},
    model_uri="models/rf/20260301_120000-abcd1234/",
    extra={"note": "été"},
)
NOTICE = {
    "text": "rf (prod) registered as models/rf/20260301_120000-abcd1234/: r2 0.781, rmse 19.2",
    "metrics": {"r2": 0.78125, "rmse": 19.196},
    "record": RECORD.to_json(),
}


class Listener(BaseHTTPRequestHandler):
    """Keeps what is posted, and answers with the status that the server was given."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listening:
        listening.posted, listening.status = [], 200
        listening.url = f"http://127.0.0.1:{listening.server_port}/hook?token=secret"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def test_the_notice_is_posted_as_json(server, monkeypatch):
    monkeypatch.setenv(URL_VARIABLE, server.url)
    bt_after_train(RECORD, RECORD.metrics)
    assert server.posted == [("/hook?token=secret", "application/json", NOTICE)]


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_url_nothing_is_posted(monkeypatch, value):
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(URL_VARIABLE, value)
    monkeypatch.setattr(socket, "create_connection", None)
    bt_after_train(RECORD, RECORD.metrics)


def test_test_mode_is_said():
    record = ModelRecord.from_json(RECORD.to_json() | {"test_mode": True})
    assert notice_of(record, {})["text"].startswith("rf (prod, test mode) registered as ")


def test_an_answer_that_refuses_is_said(server):
    server.status = 500
    message = "the server of BT_WEBHOOK_URL answered 500 Internal Server Error"
    with pytest.raises(NotPosted, match=f"^{message}$"):
        post(server.url, NOTICE, timeout=5)


def test_a_server_that_does_not_answer_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/secret"
        with pytest.raises(NotPosted, match=r"^the server of BT_WEBHOOK_URL did not answer within 0\.2 s$"):
            post(url, NOTICE, timeout=0.2)


def test_a_server_that_is_not_there_is_said():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/secret"
    with pytest.raises(NotPosted, match=r"^the server of BT_WEBHOOK_URL cannot be reached: .*refused$"):
        post(url, NOTICE, timeout=5)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///secret", "BT_WEBHOOK_URL must begin with http:// or https://"),
        ("secret", "BT_WEBHOOK_URL must begin with http:// or https://"),
        ("http://127.0.0.1:secret/", "BT_WEBHOOK_URL cannot be posted to (InvalidURL)"),
        ("http://127.0.0.1/se cret", "BT_WEBHOOK_URL cannot be posted to (InvalidURL)"),
        ("http:///secret", "the server of BT_WEBHOOK_URL cannot be reached: no host given"),
    ],
)
def test_what_is_no_url_is_said_without_it(url, message):
    with pytest.raises(NotPosted, match=f"^{re.escape(message)}$"):
        post(url, NOTICE, timeout=5)
