"""A trained net as arrays: it predicts without TensorFlow, whose import takes seconds."""

from __future__ import annotations

from typing import Any, Self

import attrs
import numpy as np

from bike_traffic.plugins.net_inputs import Floats, Inputs

_BLOCK_ROWS = 4_096
"""Rows computed at once: their hidden units fit into a processor's cache."""


@attrs.frozen(eq=False)
class Net:
    """The weights of a net that `bike_traffic.plugins.count_net` trained.

    Parameters
    ----------
    counter : embedding of each counter, shape (counters, size).
    hour : embedding of each hour of the week, shape (168, size).
    layers : kernel and bias of each dense layer; the last one has one unit.
    """

    counter: Floats
    hour: Floats
    layers: list[tuple[Floats, Floats]]

    @classmethod
    def of(cls, net: Any) -> Self:
        """Take over the weights of a net of Keras."""
        counter, hour, *dense = net.get_weights()
        return cls(counter, hour, list(zip(dense[::2], dense[1::2], strict=True)))

    def predict(self, inputs: Inputs) -> Floats:
        """Return bikes per hour for rows of inputs, shape (n,)."""
        starts = range(0, len(inputs["counter"]), _BLOCK_ROWS)
        blocks = ({name: rows[start : start + _BLOCK_ROWS] for name, rows in inputs.items()} for start in starts)
        return np.concatenate([np.zeros(0, dtype=np.float32), *map(self._block, blocks)])

    def _block(self, inputs: Inputs) -> Floats:
        counter, hour = self.counter[inputs["counter"]], self.hour[inputs["hour_of_week"]]
        units = np.concatenate([counter, hour, counter * hour, inputs["numbers"]], axis=1)
        *hidden, (kernel, bias) = self.layers
        for weights, shift in hidden:
            units = np.maximum(units @ weights + shift, 0.0)
        with np.errstate(over="ignore"):  # infinite, as with Keras; `predict_frame` refuses it
            rates = np.exp(units @ kernel + bias + inputs["log_profile"])
        return np.asarray(rates).ravel()
