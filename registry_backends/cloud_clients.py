"""The file systems of both clouds, with credentials, and what the errors of their clients mean."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bike_traffic.errors import RegistryUnavailable, SettingsError

_KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_LOGIN = "gcloud auth application-default login"
_NO_CREDENTIALS = f"no credentials found; run `{_LOGIN}`, or set {_KEY_FILE} to a service account's key file"
_REFUSED = f"Google does not accept these credentials; run `{_LOGIN}` again, or give another key file"
_FORBIDDEN = "these credentials are not allowed to do this"
_CHANGED = "what arrived is not what is stored (its checksum differs)"
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


def gcs_credentials(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of gcsfs for the key of a service account."""
    _require("gcs", "the key of a service account", credentials, "client_email", "private_key", "token_uri")
    return {"token": dict(credentials)}


def s3_credentials(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of s3fs for an access key; a session's has a token too."""
    _require("s3", "key and secret, and token for a session", credentials, "key", "secret")
    return {"anon": False} | {name: credentials.get(name) for name in ("key", "secret", "token")}


def _require(backend: str, what: str, credentials: Mapping[str, Any], *names: str) -> None:
    """Raise `SettingsError` if credentials lack a text; it shows nothing of them, not even their keys."""
    lacking = [name for name in names if not isinstance(credentials.get(name), str) or not credentials[name]]
    if lacking:
        raise SettingsError(
            f"credentials of backend '{backend}' must be {what}; there is no {', no '.join(lacking)}",
            "credentials-incomplete",
            backend=backend,
            lacking=lacking,
        )


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
        filesystem = gcs_class()(skip_instance_cache=True, use_listings_cache=False, **chosen)
        _take_a_refusal_as_final(filesystem.credentials)
        return filesystem
    except Exception as error:
        malformed = isinstance(error, KeyError | ValueError) or _is_missing(error)
        reason = _without_credentials() if malformed else explain(error)
        if isinstance(token, Mapping):
            reason = "the credentials are not the key of a service account that can be used"
        raise RegistryUnavailable(f"Google Cloud Storage: {reason}", "gcs-not-opened", reason=reason) from None


def _take_a_refusal_as_final(credentials: Any) -> None:
    """Let gcsfs not ask for a token again, for half a minute, where Google says that it gives none."""
    from gcsfs.retry import HttpError, NonRetryableError

    ask = credentials.maybe_refresh

    def ask_once(*arguments: Any) -> None:
        try:
            ask(*arguments)
        except HttpError as error:
            if getattr(error.__cause__, "retryable", True):
                raise
            raise NonRetryableError("no token") from error.__cause__

    credentials.maybe_refresh = ask_once


def s3_class() -> type[Any]:
    """Import the file system of S3."""
    import s3fs

    filesystem: type[Any] = s3fs.S3FileSystem
    return filesystem


def s3_filesystem(options: Mapping[str, Any]) -> Any:
    """Return s3fs with these options; AWS's usual chain finds the credentials."""
    return s3_class()(skip_instance_cache=True, use_listings_cache=False, **options)


def require_whole(data: bytes, md5: str | None, where: str) -> None:
    """Raise `RegistryUnavailable` if bytes changed on their way: written back, a change would be there for good."""
    if md5 is not None and hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
        raise RegistryUnavailable(f"{where}: {_CHANGED}", "read-differs", where=where)


def gcs_md5(headers: Mapping[str, str]) -> str | None:
    """Return the MD5 of an object of Google Cloud Storage, in hexadecimal; a composite object has none."""
    found = re.search(r"md5=([A-Za-z0-9+/=]+)", headers.get("X-Goog-Hash", ""))
    return b64decode(found[1]).hex() if found else None


def s3_md5(answer: Mapping[str, Any]) -> str | None:
    """Return the MD5 of an object of S3: its entity tag, unless it has parts or a key of its own encrypts it."""
    tag = str(answer.get("ETag", "")).strip('"')
    encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
    return tag if re.fullmatch(r"[0-9a-f]{32}", tag) and not encrypted else None


def explain(error: Exception) -> str:
    """Explain a cloud client's error by its kind; its own text may contain requests and tokens."""
    names = {type(one).__name__ for one in _chain(error)}
    text = str(error)
    if _is_missing(error):
        return _without_credentials()
    if "RefreshError" in names:
        return _REFUSED
    if names & {"NoCredentialsError", "PartialCredentialsError"}:
        return "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure an AWS profile"
    if "PermissionError" in names or text.startswith("Forbidden") or getattr(error, "code", None) in (401, 403):
        of_s3 = bool(codes_of(error)) or "ClientError" in names
        return _FORBIDDEN if of_s3 else f"{_FORBIDDEN}; `{_LOGIN}` logs in as someone else"
    if "FlexibleChecksumError" in names:
        return _CHANGED
    if names & _NOT_REACHED:
        return "the service cannot be reached"
    return f"the service answered with an error ({type(error).__name__})"


_NOT_REACHED = {
    *("ClientConnectorError", "EndpointConnectionError", "ServerDisconnectedError", "TimeoutError"),
    *("TransportError", "NewConnectionError", "gaierror"),
}
"""Errors of clients, by name, when nothing answers; `TransportError` is that of asking Google for a token."""


def _is_missing(error: Exception) -> bool:
    return any(type(one).__name__ == "DefaultCredentialsError" for one in _chain(error))


def _without_credentials() -> str:
    """Explain why there are no credentials of Google; nothing is shown of what a file holds."""
    path = os.environ.get(_KEY_FILE)
    if not path:
        return _NO_CREDENTIALS
    if not Path(path).is_file():
        return f"{_KEY_FILE} names {path}, where no file is; correct it, or unset it and run `{_LOGIN}`"
    return (
        f"{_KEY_FILE} names {path}, which is not the key file of an account; make a new key, or unset it and run "
        f"`{_LOGIN}`"
    )


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
