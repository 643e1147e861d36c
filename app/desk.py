"""What one reader works on: an uploaded file and its predictions, each replaced by the next. No Streamlit here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from bike_traffic.errors import BikeTrafficError

if TYPE_CHECKING:
    from bike_traffic.app.batch import Batch
    from bike_traffic.app.uploads import Checked


@attrs.define(eq=False)
class Desk:
    """The check of the file that was uploaded last, and one batch of predictions of it."""

    _upload: str | None = None
    _checked: Checked | BikeTrafficError | None = None
    _key: tuple[str, ...] = ()
    _batch: Batch | None = None

    def checked(self, upload: str, check: Callable[[], Checked]) -> Checked:
        """Return what the check of an upload found, or raise its error; a file is checked once."""
        if upload != self._upload or self._checked is None:
            self.clear()
            try:
                self._checked = check()
            except BikeTrafficError as error:
                self._checked = error
            self._upload = upload
        if isinstance(self._checked, BikeTrafficError):
            raise self._checked
        return self._checked

    def batch(self, key: tuple[str, ...]) -> Batch | None:
        """Return the predictions made with these choices if they are still there; others are removed."""
        if self._batch is not None and (key != self._key or not self._batch.is_kept):
            self._remove_batch()
        return self._batch

    def put(self, key: tuple[str, ...], batch: Batch) -> Batch:
        """Keep predictions instead of the earlier ones, and return them."""
        self._remove_batch()
        self._key, self._batch = key, batch
        return batch

    def clear(self) -> None:
        """Forget the file, and remove its predictions."""
        self._remove_batch()
        self._upload = self._checked = None

    def _remove_batch(self) -> None:
        if self._batch is not None:
            self._batch.folder.remove()
        self._key, self._batch = (), None
