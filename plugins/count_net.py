"""A small Keras net that predicts a count as a factor on what is usual: its layers, training and predictions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bike_traffic.plugins.quiet_keras import keras

Inputs = dict[str, NDArray[Any]]
"""``counter`` and ``hour_of_week``, shape (n,); ``numbers``, shape (n, numbers); ``log_profile``, shape (n, 1)."""

_BLOCK_ROWS = 32_768


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
    of_counter = layers.Embedding(counters, embedding_size, embeddings_regularizer=small)(counter)
    of_hour = layers.Embedding(hours, embedding_size, embeddings_regularizer=small)(hour)
    joined = layers.Concatenate()([of_counter, of_hour, layers.Multiply()([of_counter, of_hour]), number])
    for units in hidden:
        joined = layers.Dense(units, activation="relu")(joined)
        joined = layers.Dropout(dropout)(joined)
    log_rate = layers.Add()([layers.Dense(1, kernel_initializer="zeros")(joined), offset])
    return keras.Model([counter, hour, number, offset], layers.Activation("exponential")(log_rate))


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


def predict_net(net: Any, inputs: Inputs) -> NDArray[np.float32]:
    """Return a net's predictions; its `predict` method would trace a graph again for every net and every shape."""
    answers = []
    for start in range(0, len(inputs["counter"]), _BLOCK_ROWS):
        block = _take(inputs, slice(start, start + _BLOCK_ROWS))
        answers.append(np.asarray(net(block, training=False)).ravel())
    return np.concatenate(answers)


def _take(inputs: Inputs, rows: slice | NDArray[Any]) -> Inputs:
    return {name: values[rows] for name, values in inputs.items()}
