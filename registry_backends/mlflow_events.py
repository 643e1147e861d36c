"""The events of a registry on an MLflow server.

``bike-traffic.aliases`` is a registered model that serves as their log: MLflow numbers the versions of a model one by
one, so each event is a version of it. MLflow's own aliases follow the log, and so do the tags
``bike_traffic.withdrawn`` of the versions of withdrawn runs. An alias of a withdrawn run is removed from MLflow until
the run is restored.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING

from bike_traffic.errors import RegistryConflict, RegistryError
from bike_traffic.names import NAME
from bike_traffic.registry.events.event import RegistryEvent, current_aliases, targets, withdrawals
from bike_traffic.registry.events.log import EventLog
from bike_traffic.registry_backends.mlflow_server import TAG, MlflowServer, joined, pieces
from bike_traffic.tracking.mlflow_client import written

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from bike_traffic.registry.signing import Trust

_MLFLOW_ALIAS = re.compile(r"(?!(?:[Ll][Aa][Tt][Ee][Ss][Tt]|[vV]\d+)$)[\w-]{1,255}")
_WITHDRAWN = f"{TAG}withdrawn"
_LONGEST = 1000
"""Characters of a description, and of a tag that is only shown."""


class MlflowEventLog(EventLog):
    """The part of `MlflowRegistry` that is about events."""

    _server: MlflowServer
    _prefix: str

    @abstractmethod
    def _versions_of(self, run_id: str) -> list[ModelVersion]:
        """Return the versions of one record, the valid one first."""

    @property
    def _log_name(self) -> str:
        return f"{self._prefix}.aliases"  # the models' names have a hyphen there

    def promote(
        self, run_id: str, alias: str, *, actor: str, reason: str = "", trust: Trust | None = None
    ) -> RegistryEvent:
        """Point an alias to a run; raise `RegistryError` for a name that MLflow does not accept."""
        if NAME.fullmatch(alias) and not _MLFLOW_ALIAS.fullmatch(alias):
            raise RegistryError(
                f"'{alias}' cannot be an alias in MLflow; it takes letters, digits, '_' and '-', "
                "not 'latest' or 'v1'",
                "alias-malformed-for-mlflow",
                alias=alias,
            )
        return super().promote(run_id, alias, actor=actor, reason=reason, trust=trust)

    def append_event(self, event: RegistryEvent) -> None:
        """Add an event to the log, and let MLflow's aliases and tags follow."""
        with self._server.talking():
            existing = [one for one in self.events() if one.change_id == event.change_id]
            if existing and existing[0] != event:
                raise RegistryConflict(
                    f"another record has the id {event.change_id}",
                    "record-conflict",
                    name=event.change_id,
                )
            if not existing:
                versions = self._versions_of(event.run_id)
                what = f"{event.alias} to {event.run_id}" if event.alias else event.run_id
                self._server.new_version(
                    self._log_name,
                    versions[0].run_id if versions else None,
                    pieces("change", json.dumps(event.to_json())),
                    f"{event.kind} {what} {event.origin}"[:_LONGEST],
                )
            self._follow(event)

    def events(self) -> list[RegistryEvent]:
        """Return every event, in the order of the log's versions."""
        with self._server.talking():
            versions = self._server.versions(f"name = '{self._log_name}'")
        events: dict[str, RegistryEvent] = {}
        for version in sorted(versions, key=lambda version: int(version.version)):
            event = RegistryEvent.from_json(joined(version, "change"))
            events.setdefault(event.change_id, event)
        return list(events.values())

    def _follow(self, event: RegistryEvent) -> None:
        """Set MLflow's aliases and tags as in the log; repeat if another writer changed the log."""
        what, name = event.subject
        if what == "signatures":
            return  # MLflow has nothing that shows them
        while True:
            events = self.events()
            withdrawn = withdrawals(events)
            if what == "run":
                self._mark(name, withdrawn.get(name))
            for alias in [name] if what == "alias" else current_aliases(events, name):
                current = targets(events, alias)[-1:]
                self._set_alias(alias, [run_id for run_id in current if run_id not in withdrawn])
            if self.events() == events:
                return

    def _set_alias(self, alias: str, run_ids: list[str]) -> None:
        """Point MLflow's alias to the version of the one run, on one model only; no run removes it."""
        if not _MLFLOW_ALIAS.fullmatch(alias):
            return  # copied from another registry; only the log has it
        client = self._server.client
        current = [version for run_id in run_ids for version in self._versions_of(run_id)[:1]]
        for version in current:
            written(partial(client.set_registered_model_alias, version.name, alias, version.version))
        for model in self._server.models(f"name LIKE '{self._prefix}-%'"):
            if alias in model.aliases and model.name not in [version.name for version in current]:
                written(partial(client.delete_registered_model_alias, model.name, alias))

    def _mark(self, run_id: str, withdrawal: RegistryEvent | None) -> None:
        """Tag the versions of a withdrawn run, so that MLflow's pages show it."""
        client = self._server.client
        for version in self._versions_of(run_id):
            if withdrawal is not None:
                tag = withdrawal.origin[:_LONGEST]
                written(partial(client.set_model_version_tag, version.name, version.version, _WITHDRAWN, tag))
            elif _WITHDRAWN in version.tags:
                written(partial(client.delete_model_version_tag, version.name, version.version, _WITHDRAWN))
