"""The built-in backends keep the promises of the conformance kit, each on its real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing import BackendChecks, OpenBackend
from tests.mlflow_server import new_prefix
from tests.registry_backends.conftest import NewCloud


class TestLocal(BackendChecks):
    @pytest.fixture
    def open_backend(self, tmp_path: Path) -> OpenBackend:
        return lambda: LocalRegistry(str(tmp_path / "models"))


class TestGcs(BackendChecks):
    @pytest.fixture
    def open_backend(self, new_cloud: NewCloud) -> OpenBackend:
        return new_cloud("gcs").open


class TestS3(BackendChecks):
    @pytest.fixture
    def open_backend(self, new_cloud: NewCloud) -> OpenBackend:
        return new_cloud("s3").open


@pytest.mark.slow
class TestMlflow(BackendChecks):
    @pytest.fixture
    def open_backend(self, mlflow_url: str) -> OpenBackend:
        prefix = new_prefix()
        return lambda: MlflowRegistry(f"mlflow+{mlflow_url}", prefix=prefix)
