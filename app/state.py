"""The one room of everything that the app keeps between reruns and shares between sessions.

What is shared is never changed: pages get models and frames to read. Each cache has a bound. What checks of records
found is kept in `bike_traffic.app.checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import pandas as pd
import streamlit as st

from bike_traffic.app.desk import Desk
from bike_traffic.app.history import History
from bike_traffic.app.leaderboard import measuring
from bike_traffic.app.opening import CREDENTIALS, open_workspace
from bike_traffic.app.turns import heavy
from bike_traffic.columns import TIME
from bike_traffic.config import SAMPLE
from bike_traffic.data.files.folders.listing import version_of
from bike_traffic.errors import BikeTrafficError, NoRecord
from bike_traffic.evaluation.metrics import DEFAULT_METRIC, METRICS
from bike_traffic.opendata.stores.status import StoreStatus, status_of_counts
from bike_traffic.registry.queries import EVERYTHING, Query, is_of_sample
from bike_traffic.registry.records import ModelRecord, parse_time
from bike_traffic.searching import best_of

if TYPE_CHECKING:
    from bike_traffic.loading import LoadedModel
    from bike_traffic.registry.events.event import RegistryEvent
    from bike_traffic.workspace import Workspace

ValueT = TypeVar("ValueT")


@st.cache_resource(show_spinner=False)
def workspace() -> Workspace:
    """Return the workspace that all sessions share."""
    return open_workspace(_credentials())


def zone() -> str:
    """Return the time zone of the city."""
    return workspace().city.time_zone


def _credentials() -> Mapping[str, Any] | None:
    """Return the key of a service account from Streamlit's secrets, if there is one."""
    try:
        secret = st.secrets.get(CREDENTIALS)
    except FileNotFoundError:  # no secrets at all
        return None
    return None if secret is None else dict(secret)


@attrs.frozen(eq=False)
class Registry:
    """What a registry held at one time: all records, all events, and the runs that are withdrawn."""

    records: tuple[ModelRecord, ...]
    events: tuple[RegistryEvent, ...]
    withdrawn: Mapping[str, RegistryEvent]

    def record(self, run_id: str) -> ModelRecord | None:
        """Return the record of a run."""
        return next((record for record in self.records if record.run_id == run_id), None)


def registry() -> Registry:
    """Return the registry as it is now: new records are there at the next rerun."""
    return _registry(_version())


@st.cache_data(ttl=5, max_entries=1, show_spinner=False)
def _version() -> str:
    return workspace().registry.version()


@st.cache_resource(max_entries=2, show_spinner=False)
def _registry(version: str) -> Registry:  # noqa: ARG001  # the key
    backend = workspace().registry
    events = tuple(backend.events())
    own = attrs.evolve(EVERYTHING, city=workspace().settings.city)
    return Registry(tuple(backend.records(own)), events, backend.withdrawn())


@attrs.frozen(kw_only=True)
class Choice:
    """Which model: of a name, or the best of all; by which metric, of which environment, of test mode or not."""

    model: str | None = None
    metric: str | None = None
    env: str | None = None
    test_mode: bool = False


@attrs.frozen
class Chosen:
    """The record of a choice, and whether it is of the generated sample because there is no other."""

    record: ModelRecord
    sample: bool


def choose(choice: Choice) -> Chosen:
    """Return the best record that this machine can load; raise `NoRecord` or `MissingExtra` if there is none."""
    return _choose(choice, _version(), counts_version() is not None)


@st.cache_resource(max_entries=50, show_spinner=False, hash_funcs={Choice: attrs.astuple})
def _choose(choice: Choice, version: str, with_counts: bool) -> Chosen:  # noqa: ARG001
    try:
        return Chosen(_best(choice, with_counts, sample=False), sample=False)
    except NoRecord as error:
        try:
            return Chosen(_best(choice, with_counts, sample=True), sample=True)
        except NoRecord:
            raise error from None


def _best(choice: Choice, with_counts: bool, *, sample: bool) -> ModelRecord:
    """Return the best record; without a name, of the models whose extra is installed and that get what they need."""
    own = workspace()
    query = query_of(choice, sample=sample)
    if choice.model is not None:
        task = METRICS[own.default_metric(choice.model)].task or "regression"
        return own.compare(measuring(task, choice.metric), query)[0]
    best = own.compare(choice.metric, query)[0]
    problem = unusable(best.model_type, with_counts)
    if problem is None:
        return best
    fault_of = own.trust.fault_finder(own.registry)
    usable = (record for record in registry().records if unusable(record.model_type, with_counts) is None)
    entries = [record.to_json() for record in usable if fault_of(record) is None]
    try:
        entry = best_of(entries, choice.metric, DEFAULT_METRIC["regression"], own.registry.without_withdrawn(query))
    except NoRecord:
        raise problem from None
    return ModelRecord.from_json(entry)


def query_of(choice: Choice, *, sample: bool) -> Query:
    """Return the query for the records of a choice; of the generated sample, or of all other counts."""
    settings = workspace().settings
    env = choice.env or settings.requested_env
    return Query(model_type=choice.model, env=env, test_mode=choice.test_mode, sample=sample, city=settings.city)


def unusable(model: str, with_counts: bool) -> BikeTrafficError | None:
    """Return why the models of a name cannot be used here: no plugin, a missing extra, or no counts to start from."""
    try:
        spec = workspace().plugins.pipeline(model).spec
        if missing := spec.missing():
            return spec.missing_extra(missing[0])
        given = {"history": with_counts, "weather": bool(workspace().settings.weather)}
        if not all(given[need] for need in spec.needs):
            spec.load().require_input(**given)  # which raises
    except BikeTrafficError as error:
        return error
    return None


@st.cache_resource(max_entries=3, show_spinner=False)
def model(run_id: str) -> LoadedModel:
    """Return a registered model, its files verified; shared by all sessions, and never changed."""
    with heavy():
        record = registry().record(run_id) or workspace().registry.get(run_id)
        return workspace().load(record)


@st.cache_resource(scope="session", on_release=Desk.clear, show_spinner=False)
def desk() -> Desk:
    """Return what the reader of this session works on; it is cleared when the session is disconnected."""
    return Desk()


def counts_version() -> str | None:
    """Return what changes when the configured counts change; ``None`` if no counts are configured."""
    settings = workspace().settings
    if settings.data == SAMPLE:
        # Nobody chose the sample: it belongs to models that were trained on it, and to no other.
        records = registry().records
        return SAMPLE if records and all(is_of_sample(record.to_json()) for record in records) else None
    return _hour_of_remote() if "://" in settings.data else version_of(settings.data)


@st.cache_data(ttl="1h", max_entries=1, show_spinner=False)
def _hour_of_remote() -> str:
    """Return a new value every hour: counts at a URL are read again then."""
    import time

    return f"{time.time():.0f}"


def counts() -> pd.DataFrame | None:
    """Return the configured counts as a clean frame to read; ``None`` if none are configured."""
    version = counts_version()
    return None if version is None else _counts(version)


@st.cache_resource(max_entries=1, show_spinner=False)
def _counts(version: str) -> pd.DataFrame:  # noqa: ARG001  # the key
    with heavy():
        return workspace().counts()


def store() -> StoreStatus | None:
    """Return the state of the configured counts if they are a store; ``None`` if they are a file, or none are."""
    version = counts_version()
    return None if version is None else _store(version)


@st.cache_resource(max_entries=1, ttl="1h", show_spinner=False)
def _store(version: str) -> StoreStatus | None:  # noqa: ARG001  # the key
    return status_of_counts(workspace().settings.data)


def history() -> History | None:
    """Return the configured counts as small tables of the past; ``None`` if none are configured."""
    version = counts_version()
    return None if version is None else _history(version)


@st.cache_resource(max_entries=1, show_spinner=False)
def _history(version: str) -> History:
    return History.of(_counts(version))


def counts_between(start: pd.Timestamp, end: pd.Timestamp, record: ModelRecord) -> pd.DataFrame | None:
    """Return the configured counts of a span of time; ``None`` if there are none.

    Counts that cannot reach into the span are not read: those of a file that is older than the model, which knows its
    last hour.
    """
    until, data = record.known_until, Path(workspace().settings.data)
    known = until is not None and start > pd.Timestamp(until)
    if known and data.is_file() and data.stat().st_mtime < parse_time(record.timestamp).timestamp():
        return None
    every = counts()
    if every is None:
        return None
    inside: pd.DataFrame = every[every[TIME].between(start, end, inclusive="left")]
    return inside


@st.cache_resource(max_entries=300, ttl="1h", show_spinner=False)
def kept(key: tuple[str | None, ...], _make: Callable[[], ValueT]) -> ValueT:  # noqa: ARG001
    """Return what `_make` returned for the same key before: frames and charts that pages show again at each rerun.

    Parameters
    ----------
    key : all that the value depends on: the name of what it is, the run, the place, the language, …
    """
    return _make()
