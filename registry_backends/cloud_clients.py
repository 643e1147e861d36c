"""The file systems of both clouds, with credentials, and what the errors of their clients mean."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bike_traffic.errors import RegistryUnavailable, SettingsError

_NO_GOOGLE_CREDENTIALS = "no usable credentials; set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file"
_TOKENS = ("google_default", "cloud", "anon", "cache", "browser")


def gcs_class() -> type[Any]:
    """Import the file system of Google Cloud Storage."""
    # gcsfs would ask each bucket for its kind over gRPC, which takes minutes if nothing answers.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    import gcsfs

    # It logs failed requests with the server's answer, which can hold a token; our errors say what failed.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    filesystem: type[Any] = gcsfs.GCSFileSystem
    return filesystem


def gcs_filesystem(options: Mapping[str, Any]) -> Any:
    """Return gcsfs with these options; Google's libraries find the credentials, and an emulator needs none."""
    emulated = "endpoint_url" in options or os.environ.get("STORAGE_EMULATOR_HOST")
    chosen = {"token": "anon" if emulated else "google_default", **options}
    token = chosen["token"]
    if isinstance(token, str) and token not in _TOKENS and not Path(token).is_file():
        # gcsfs would take it for an access token and send it out to be checked.
        raise SettingsError(
            f"[backends.gcs] token is neither a key file that exists nor one of {', '.join(_TOKENS)}",
            "gcs-token-malformed",
            known=sorted(_TOKENS),
        )
    try:
        return gcs_class()(skip_instance_cache=True, use_listings_cache=False, **chosen)
    except Exception as error:
        reason = _NO_GOOGLE_CREDENTIALS if isinstance(error, KeyError | ValueError) else explain(error)
        raise RegistryUnavailable(f"Google Cloud Storage: {reason}", "gcs-not-opened", reason=reason) from None


def s3_class() -> type[Any]:
    """Import the file system of S3."""
    import s3fs

    filesystem: type[Any] = s3fs.S3FileSystem
    return filesystem


def s3_filesystem(options: Mapping[str, Any]) -> Any:
    """Return s3fs with these options; AWS's usual chain finds the credentials."""
    return s3_class()(skip_instance_cache=True, use_listings_cache=False, **options)


def explain(error: Exception) -> str:
    """Explain a cloud client's error by its kind; its own text may contain requests and tokens."""
    names = {type(one).__name__ for one in _chain(error)}
    text = str(error)
    if names & {"DefaultCredentialsError", "RefreshError"}:
        return _NO_GOOGLE_CREDENTIALS
    if names & {"NoCredentialsError", "PartialCredentialsError"}:
        return "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure an AWS profile"
    if "PermissionError" in names or text.startswith("Forbidden") or getattr(error, "code", None) in (401, 403):
        return "these credentials are not allowed to do this"
    if names & {"ClientConnectorError", "EndpointConnectionError", "ServerDisconnectedError", "TimeoutError"}:
        return "the service cannot be reached"
    return f"the service answered with an error ({type(error).__name__})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_precondition(error: Exception) -> bool:
    """Return whether a conditional write was refused: S3 answers 412, or 409 to concurrent writes."""
    return bool({"PreconditionFailed", "ConditionalRequestConflict"} & codes_of(error))


def codes_of(error: Exception) -> set[str]:
    """Return the error codes that S3 gave."""
    answers = (getattr(one, "response", None) for one in _chain(error))
    return {answer["Error"].get("Code", "") for answer in answers if isinstance(answer, dict) and "Error" in answer}
