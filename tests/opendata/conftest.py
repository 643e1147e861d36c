"""The servers of the cloud backends, for stores in a bucket."""

from tests.registry_backends.conftest import new_bucket, new_cloud

__all__ = ["new_bucket", "new_cloud"]
