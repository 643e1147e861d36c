"""What scikit-learn asks of an estimator, without importing it: the import takes longer than most commands."""

from __future__ import annotations

import inspect
from typing import Any, NoReturn, Self


class Estimator:
    """An estimator of scikit-learn by its protocol: parameters by name, from which it can be cloned.

    ``__init__`` only stores its arguments, under their names. ``sklearn.base.clone``, and the pipelines and searches
    of scikit-learn, take it. It is no ``BaseEstimator``, of which it would have to import the module.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : also those of parameters that are estimators, as ``name__parameter``.
        """
        own = {name: getattr(self, name) for name in _defaults(type(self))}
        inner = {
            f"{name}__{key}": one
            for name, value in own.items()
            if deep and hasattr(value, "get_params") and not isinstance(value, type)
            for key, one in value.get_params().items()
        }
        return own | inner

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters, also ``name__parameter``, and return the estimator; raise `ValueError`."""
        for path, value in parameters.items():
            name, _, inner = path.partition("__")
            if name not in _defaults(type(self)):
                known = ", ".join(sorted(_defaults(type(self))))
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; there are {known}")
            if inner:
                getattr(self, name).set_params(**{inner: value})
            else:
                setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Return the class and the parameters that are not the default."""
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in _defaults(type(self)).items()
            if repr(getattr(self, name)) != repr(default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the estimator can do."""
        from sklearn.base import BaseEstimator

        return BaseEstimator.__sklearn_tags__(self)


class Transformer(Estimator):
    """A transformer of scikit-learn by its protocol; a child has ``fit`` and ``transform``."""

    def fit_transform(self, rows: Any, y: object = None) -> Any:
        """Return what ``transform`` makes of the rows that ``fit`` learned from."""
        fitted: Any = self
        return fitted.fit(rows, y).transform(rows)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the estimator can do."""
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags()
        return tags


def raise_not_fitted(message: str) -> NoReturn:
    """Raise scikit-learn's `NotFittedError`."""
    from sklearn.exceptions import NotFittedError

    raise NotFittedError(message)


def _defaults(kind: type) -> dict[str, Any]:
    """Return the parameters of a class, in the order of their names, with their defaults."""
    if kind.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]  # type: ignore[misc]
    named = [one for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    return {one.name: one.default for one in sorted(named, key=lambda one: one.name)}
