"""What people see of the settings holds no secret."""

from __future__ import annotations

import pytest

from bike_traffic.addresses import shown
from bike_traffic.inspection import shown_settings
from bike_traffic.workspace import Workspace


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("counts.csv.gz", "counts.csv.gz"),
        ("https://user:secret@example.org/a.csv?token=secret#secret", "https://example.org/a.csv"),
        ("simplecache::https://user:secret@example.org/a.csv", "simplecache::https://example.org/a.csv"),
        ("http://[::1]:80/a.csv?key=secret", "http://[::1]:80/a.csv"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("gs://bucket/models/summary.json", "gs://bucket/models/summary.json"),
    ],
)
def test_an_address_is_shown_without_what_can_hold_a_secret(address: str, expected: str) -> None:
    assert shown(address) == expected


def test_the_settings_are_shown_without_secrets_and_with_their_source() -> None:
    secret = "https://user:secret@example.org/{}?token=secret"
    workspace = Workspace.open(
        registry=secret.format("summary.json"), data=secret.format("counts.csv"), weather=secret.format("weather.csv")
    )
    settings = {setting.name: setting for setting in shown_settings(workspace)}
    assert not any("secret" in str(setting.value) for setting in settings.values())
    assert (settings["data"].value, settings["data"].source) == ("https://example.org/counts.csv", "--data")
