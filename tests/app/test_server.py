"""The app as it is served: headers, the language of the page, what is hidden, and no secret anywhere."""

from __future__ import annotations

import json
import re
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from streamlit.testing.v1 import AppTest

from bike_traffic import app
from bike_traffic.app import forecasts
from bike_traffic.app.charts.theme import DARK, LIGHT
from tests.app.serving import Served, serve
from tests.conftest import Bt


def get(url: str, **headers: str) -> tuple[int, Message, bytes]:
    """Return status, headers and body of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.mark.parametrize("path", ["/", "/models", "/_stcore/health", "/static/none.js"])
def test_every_answer_has_the_headers(served: Served, path: str) -> None:
    headers = get(served.url + path)[1]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "img-src 'self' data: blob:" in policy
    assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_strange_host_is_not_written_into_the_policy(served: Served) -> None:
    policy = get(served.url, Host="evil.example; script-src *")[1]["Content-Security-Policy"]
    assert policy is None or "evil" not in policy


@pytest.mark.parametrize("path", ["/", "/file", "/models", "/about"])
@pytest.mark.parametrize(
    ("query", "language"), [("", "fr"), ("?lang=fr", "fr"), ("?lang=en", "en"), ("?lang=x", "fr")]
)
def test_a_page_is_marked_with_the_language_of_its_link(served: Served, path: str, query: str, language: str) -> None:
    status, headers, body = get(served.url + path + query, **{"Accept-Encoding": "gzip"})
    assert status == 200
    assert f'<html lang="{language}"'.encode() in body
    assert int(headers["Content-Length"]) == len(body)


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/agent/openapi.json"])
def test_what_is_for_the_people_who_run_it_is_hidden(served: Served, path: str) -> None:
    assert get(served.url + path)[0] == 404


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/static/../../x"]
)
def test_a_path_never_leads_to_a_file_of_the_machine(served: Served, path: str) -> None:
    assert b"root:" not in get(served.url + path)[2]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_request_leaves_no_line_in_the_log(host: str, tmp_path: Path) -> None:
    with serve(tmp_path, "--host", host) as app:
        for _ in range(2):  # a line would be written before the second answer
            assert get(f"{app.url}/?place=here")[0] == 200
        assert "place=here" not in app.text
        assert "GET" not in app.text


def test_the_key_of_a_service_account_is_nowhere(tmp_path: Path) -> None:
    """It is neither in the log nor in a file, although the registry cannot be reached with it."""
    private = rsa.generate_private_key(65537, 2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = private.private_bytes(*form).decode()
    secret = pem.splitlines()[3]
    key = {"type": "service_account", "client_email": "a@b.c", "private_key": pem, "token_uri": "http://127.0.0.1:9"}
    environ = {"BT_GCP_SERVICE_ACCOUNT": json.dumps(key), "BT_CACHE": str(tmp_path / "cache")}
    with serve(
        tmp_path, "--backend", "gcs", "--registry", "gs://none/models/summary.json", environ=environ
    ) as running:
        get(running.url)
        text = running.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    assert secret not in text


def test_a_key_that_is_no_json_is_one_line(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_GCP_SERVICE_ACCOUNT", "{not json")
    result = bt("app")
    assert result.exit_code == 1
    assert result.stderr == "Error: BT_GCP_SERVICE_ACCOUNT is not a JSON object\n"


def fail(*_: object) -> None:
    raise ValueError("token=4711")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_unexpected_error_is_a_number_and_its_message_is_nowhere(
    page: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    language: str,
) -> None:
    monkeypatch.setattr(forecasts, "first_day", fail)
    shown = page(lang=language)
    (number,) = re.findall(r"[0-9a-f]{8}", shown.error[0].value)
    assert number in caplog.text
    assert "ValueError" in caplog.text
    assert "4711" not in shown.error[0].value + caplog.text + "".join(capfd.readouterr())


def test_an_error_in_a_callback_is_reported_in_the_same_way(caplog: pytest.LogCaptureFixture) -> None:
    def script() -> None:
        import streamlit as st

        from bike_traffic.app.failures import hide_messages, report

        hide_messages()
        try:
            raise ValueError("token=4711")
        except ValueError as error:
            import logging

            logging.getLogger("streamlit.error_util").error("Uncaught app execution", exc_info=error)
            st.write(report(error))

    shown = AppTest.from_function(script, default_timeout=30).run()
    assert "4711" not in shown.error[0].value + caplog.text


def test_the_pages_have_the_colours_of_the_charts() -> None:
    """The contrasts of the charts are measured against these backgrounds."""
    settings = tomllib.loads((Path(app.__file__).parent / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        colours = settings["theme"][name]
        assert colours == {
            "primaryColor": theme.forecast,
            "backgroundColor": theme.background,
            "secondaryBackgroundColor": theme.usual_band,
            "textColor": theme.text,
        }
