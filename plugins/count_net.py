"""A small Keras net that predicts a count as a factor on what is usual: its layers, its training, its file."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bike_traffic.plugins.net_inputs import Inputs
from bike_traffic.plugins.quiet_keras import keras

_SHARED = re.compile(rb'("shared_object_id": )(\d+)')
_SAVED = re.compile(rb', "date_saved": "[^"]*"')


def build_net(
    counters: int, hours: int, numbers: int, embedding_size: int, hidden: tuple[int, ...], dropout: float
) -> Any:
    """Return a net that is not trained; its inputs are `Inputs`, its output is bikes per hour."""
    layers = keras.layers
    small = keras.regularizers.L2(1e-6)
    counter = keras.Input((), name="counter", dtype="int32")
    hour = keras.Input((), name="hour_of_week", dtype="int32")
    number = keras.Input((numbers,), name="numbers")
    offset = keras.Input((1,), name="log_profile")
    # Keras would number layers without a name by how many there were in the process.
    of_counter, of_hour = (
        layers.Embedding(size, embedding_size, embeddings_regularizer=small, name=f"{of.name}_embedding")(of)
        for size, of in ((counters, counter), (hours, hour))
    )
    product = layers.Multiply(name="product")([of_counter, of_hour])
    joined = layers.Concatenate(name="joined")([of_counter, of_hour, product, number])
    for place, units in enumerate(hidden, 1):
        joined = layers.Dense(units, activation="relu", name=f"hidden_{place}")(joined)
        joined = layers.Dropout(dropout, name=f"dropout_{place}")(joined)
    factor = layers.Dense(1, kernel_initializer="zeros", name="log_factor")(joined)
    log_rate = layers.Add(name="log_rate")([factor, offset])
    rate = layers.Activation("exponential", name="rate")(log_rate)
    return keras.Model([counter, hour, number, offset], rate, name="count_net")


def train_net(
    net: Any,
    inputs: Inputs,
    target: NDArray[np.float32],
    held_out: NDArray[np.bool_],
    *,
    epochs: int,
    refining_epochs: int,
    learning_rate: float,
    batch_size: int,
    after_epoch: Callable[[], object],
) -> dict[str, list[float]]:
    """Train a net on the rows that are not held out, and then, if any are, for the refining epochs on all rows.

    The learning rate falls to zero along a cosine, and again, from half of it, in the refining epochs.

    Returns
    -------
    The loss of each epoch under the name ``""``, and under ``"_validation"`` that on the held-out rows, if any.
    """
    rows = np.flatnonzero(~held_out)
    steps, refining = epochs * -(-len(rows) // batch_size), refining_epochs * -(-len(target) // batch_size)
    # One schedule for both: Keras would trace a graph again for a second one.
    schedule = keras.optimizers.schedules.CosineDecayRestarts(learning_rate, steps, t_mul=refining / steps, m_mul=0.5)
    net.compile(optimizer=keras.optimizers.Adam(schedule), loss="poisson")
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: after_epoch())
    fit = partial(net.fit, batch_size=batch_size, verbose=0, shuffle=True, callbacks=[watch])
    if not held_out.any():
        return {"": _losses(fit(inputs, target, epochs=epochs), "loss")}
    check = _take(inputs, held_out), target[held_out]
    done = fit(_take(inputs, rows), target[rows], epochs=epochs, validation_data=check)
    fit(inputs, target, epochs=refining_epochs)
    return {"": _losses(done, "loss"), "_validation": _losses(done, "val_loss")}


def _losses(done: Any, name: str) -> list[float]:
    return [float(loss) for loss in done.history[name]]


def archive_of(net: Any) -> bytes:
    """Return a net in Keras' own format, the same bytes for the same net.

    Keras writes the time into it, and numbers what layers share by addresses in memory: here the numbers count from
    1, and the time is left out, as is the optimiser, of no use after the training.
    """
    bare = keras.Model(net.inputs, net.outputs, name=net.name)  # the same layers and weights, not compiled
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        path = Path(folder, "net.keras")
        bare.save(path)
        with zipfile.ZipFile(path) as saved:
            parts = {name: saved.read(name) for name in saved.namelist()}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), _SAVED.sub(b"", _renumbered(content)))
    return written.getvalue()


def _renumbered(content: bytes) -> bytes:
    numbers, following = dict[bytes, bytes](), count(1)

    def number(found: re.Match[bytes]) -> bytes:
        if found[2] not in numbers:
            numbers[found[2]] = b"%d" % next(following)
        return found[1] + numbers[found[2]]

    return _SHARED.sub(number, content)


def read_net(path: Path) -> Any:
    """Read a net in Keras' own format."""
    return keras.saving.load_model(path, compile=False)


def _take(inputs: Inputs, rows: slice | NDArray[Any]) -> Inputs:
    return {name: values[rows] for name, values in inputs.items()}
