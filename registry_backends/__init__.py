"""The built-in registry backends, declared like those of any plugin."""

from __future__ import annotations

from bike_traffic.hookspecs import hookimpl
from bike_traffic.specs import BackendSpec


@hookimpl
def bt_registry_backends() -> list[BackendSpec]:
    """Declare the backends of this package."""
    return [
        BackendSpec(
            name="local",
            target="bike_traffic.registry_backends.summary:LocalRegistry",
            summary="summary.json and model folders on this machine",
            schemes=("file",),
        ),
        BackendSpec(
            name="gcs",
            target="bike_traffic.registry_backends.cloud:GcsRegistry",
            summary="the same in a bucket of Google Cloud Storage",
            schemes=("gs",),
            requires=("gcsfs",),
            install="'bike-traffic[gcs]'",
        ),
        BackendSpec(
            name="s3",
            target="bike_traffic.registry_backends.cloud:S3Registry",
            summary="the same in a bucket of S3",
            schemes=("s3",),
            requires=("s3fs",),
            install="'bike-traffic[s3]'",
        ),
        BackendSpec(
            name="web",
            target="bike_traffic.registry_backends.web:WebRegistry",
            summary="a registry that a web server publishes, to read",
            schemes=("http", "https"),
        ),
        BackendSpec(
            name="mlflow",
            target="bike_traffic.registry_backends.mlflow_registry:MlflowRegistry",
            summary="the model registry of an MLflow server",
            schemes=("mlflow+http", "mlflow+https", "mlflow+sqlite"),
            requires=("mlflow",),
            install="'bike-traffic[mlflow]'",
        ),
    ]
