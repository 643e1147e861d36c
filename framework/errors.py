"""What can go wrong and is expected: one class a kind, each with a message that a user can act on.

Beside its English message an error has an `id`, which never depends on the values in the message, and these values as
`parts`: another language, or a script, needs no more. The command line prints such an error as one line and ends with
its `exit_code`; a subclass is also the builtin that a caller of the Python interface would expect (`UnknownPipeline`
is a `LookupError`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from bike_traffic.addresses import shown


class BikeTrafficError(Exception):
    """An error that the user can do something about; its message says what, and shows no secret of an address.

    Parameters
    ----------
    message : one English sentence: what was found, where, and what to do.
    id : of the message, such as ``"holdout-too-long"``; without it the class's own, such as ``"split"``.
    parts : the values in the message, by name.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, id: str | None = None, /, **parts: Any) -> None:  # noqa: A002
        super().__init__(shown(message))
        self.id = id or _kebab_case(type(self).__name__)
        self.parts: Mapping[str, Any] = {
            name: shown(value) if isinstance(value, str) else value for name, value in parts.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return the error as ``--format json`` prints it."""
        return {"id": self.id, "message": str(self), "parts": dict(self.parts)}


def _kebab_case(name: str) -> str:
    """Return the id of a class: ``UnknownPipeline`` is ``unknown-pipeline``, ``SplitError`` is ``split``."""
    words = re.findall(r"[A-Z][a-z]*", name.removesuffix("Error"))
    return "-".join(words).lower()


class SettingsError(BikeTrafficError, ValueError):
    """A setting is unknown, malformed or missing."""


class PluginError(BikeTrafficError):
    """A plugin could not be used; raised at once under ``BT_STRICT_PLUGINS=1``."""


class PluginVersionWarning(UserWarning):
    """A model is loaded by another major version of the plugin that trained it, or by another scikit-learn."""


class RegistryWarning(UserWarning):
    """A part of a registry was left out, because it cannot be read; everything else is answered."""


class UnknownName(BikeTrafficError, LookupError):
    """A name that nothing answers to; the message lists the names there are."""

    what: ClassVar[str] = "name"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = sorted(known)
        super().__init__(no_such(self.what, name, self.known), name=name, known=self.known)


class UnknownPipeline(UnknownName):
    """No pipeline of that name is installed."""

    what = "pipeline"


class UnknownCity(UnknownName):
    """No city of that name is built in, declared by a plugin or in the settings."""

    what = "city"


class WrongCity(BikeTrafficError, ValueError):
    """A model of one city was to be used on another."""


class UnknownBackend(UnknownName):
    """No registry backend of that name is installed."""

    what = "registry backend"


class UnknownMetric(UnknownName):
    """No metric of that name is known."""

    what = "metric"


class AmbiguousName(BikeTrafficError, LookupError):
    """Two third-party packages declare one name; ``distribution:name`` tells them apart."""


class InvalidName(BikeTrafficError, ValueError):
    """A name that nothing can be given: it is malformed, or taken."""


class MissingExtra(BikeTrafficError, ImportError):
    """A plugin needs a library that is not installed; the message holds the pip line."""


class ReadError(BikeTrafficError, OSError):
    """A file of counts could not be read as a table."""


class WriteError(BikeTrafficError, OSError):
    """A result could not be written where it was to go."""


class SchemaError(BikeTrafficError, ValueError):
    """Counts that were read break a rule: a column is missing, or a value is not what it should be."""


class UnknownCounters(BikeTrafficError, LookupError):
    """Rows of counters that a model was not trained on."""


class ParameterError(BikeTrafficError, ValueError):
    """A pipeline has no such parameter, or the value does not fit."""


class MissingInput(BikeTrafficError, ValueError):
    """A pipeline needs history or weather that a prediction would not get."""


class SplitError(BikeTrafficError, ValueError):
    """Counts cannot be divided into training and held-out rows as asked."""


class NoInterval(BikeTrafficError, LookupError):
    """A model has no prediction interval."""


class ForecastError(BikeTrafficError, ValueError):
    """A forecast was asked for that cannot be made: its days, or its counters."""


class PredictionError(BikeTrafficError, ValueError):
    """A pipeline broke its promise: predictions on the same index, finite and never negative."""


class TuningError(BikeTrafficError, RuntimeError):
    """A search for parameters that cannot be made, or found nothing."""


class FilesNotPredicted(BikeTrafficError, RuntimeError):
    """Some of many files of counts could not be predicted; the others were."""


class WorkerError(BikeTrafficError, RuntimeError):
    """A process that worked for this one ended before it had an answer."""


class RegistryError(BikeTrafficError):
    """The registry cannot do what was asked."""


class NoRecord(RegistryError, LookupError):
    """No record of the registry answers to the question."""

    def saying(self, message: str) -> NoRecord:
        """Return the same error with another message, which says more."""
        return type(self)(message, self.id, **self.parts)


class NoRegistry(NoRecord):
    """There is no registry at all at an address, such as a misspelt one."""


class RegistryConflict(RegistryError):
    """Other content already has the same name."""


class RegistryCorrupt(RegistryError, ValueError):
    """The registry's file does not parse; it is left as it is."""


class RegistryUnavailable(RegistryError, OSError):
    """The place where the registry lives cannot be read or written."""


class MergePending(RegistryError):
    """The record is durable, but not yet part of the summary."""

    exit_code = 3


class TrackingError(BikeTrafficError):
    """MLflow's store or server of a profile cannot be used as asked."""


class IntegrityError(RegistryError, ValueError):
    """Files of a model differ from the digests in its record, or have none; nothing was loaded."""


class MissingFile(IntegrityError):
    """A file of a model is not there; nothing was loaded."""


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """Report that `name` does not exist, what does, and which of it was probably meant."""
    from difflib import get_close_matches  # only when something is wrong

    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    there = f"there are {_listed(name, names)}" if names else "there are none"
    return f"no {what} '{name}'; {there}{hint}"


_MOST_NAMES, _NEAR_NAMES = 20, 8


def _listed(name: str, names: list[str]) -> str:
    """List all names; of many only those that are nearest to `name`, and how many more there are."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=_NEAR_NAMES, cutoff=0.0)
    return f"{', '.join(near)} and {len(names) - len(near)} more"
