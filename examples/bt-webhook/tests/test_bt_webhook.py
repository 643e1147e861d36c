"""Notices arrive unchanged at a real server; error messages do not contain the URL."""

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
    """Keeps what is posted, and answers with the status of the server."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Print nothing."""


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


def test_the_notice_names_test_mode():
    record = ModelRecord.from_json(RECORD.to_json() | {"test_mode": True})
    assert notice_of(record, {})["text"].startswith("rf (prod, test mode) registered as ")


def test_an_error_status_is_reported(server):
    server.status = 500
    message = "the server of BT_WEBHOOK_URL answered 500 Internal Server Error"
    with pytest.raises(NotPosted, match=f"^{message}$"):
        post(server.url, NOTICE, timeout=5)


def test_a_server_that_does_not_answer_is_reported_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/secret"
        with pytest.raises(NotPosted, match=r"^the server of BT_WEBHOOK_URL did not answer within 0\.2 s$"):
            post(url, NOTICE, timeout=0.2)


def test_a_missing_server_is_reported():
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
def test_an_invalid_url_is_reported_without_it(url, message):
    with pytest.raises(NotPosted, match=f"^{re.escape(message)}$"):
        post(url, NOTICE, timeout=5)
