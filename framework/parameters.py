"""Create an unfitted pipeline from its declaration and the values of its parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from bike_traffic.cities import PARIS, PARIS_POSITION, City
from bike_traffic.errors import BikeTrafficError, ParameterError, PluginError, no_such
from bike_traffic.features.calendar import FRANCE, check_holidays
from bike_traffic.manager import Declaration
from bike_traffic.pipeline import Pipeline
from bike_traffic.specs import PipelineSpec


def new_pipeline(
    declaration: Declaration[PipelineSpec], parameters: Mapping[str, Any], seed: int, city: City = PARIS
) -> Pipeline:
    """Return an unfitted pipeline with these parameters.

    Parameters
    ----------
    parameters : by name; text is read as the type of the parameter's default.
    seed : for the parameter ``random_state``, if there is one.
    city : whose holidays and daylight the pipeline and the baselines beside it know, unless the pipeline has its own.

    Raises
    ------
    MissingExtra, ParameterError, PluginError
    """
    spec = declaration.spec
    spec.require_trainable()
    try:
        pipeline_class = spec.load()
        pipeline = pipeline_class()
    except BikeTrafficError:
        raise
    except Exception as error:
        raise PluginError(
            f"'{spec.name}' cannot be created: {type(error).__name__}: {error}",
            "pipeline-not-created",
            name=spec.name,
            reason=str(error),
        ) from error
    for attribute in ("name", "needs"):
        in_spec, in_class = getattr(spec, attribute), getattr(pipeline_class, attribute, None)
        if in_spec != in_class:
            raise PluginError(
                f"'{spec.name}': the spec has {attribute} {in_spec!r}, the class {in_class!r}; make them equal",
                "spec-and-class-differ",
                name=spec.name,
                attribute=str(attribute),
                in_spec=str(in_spec),
                in_class=str(in_class),
            )
    known = pipeline.get_params(deep=False)
    if "random_state" in known:
        pipeline.set_params(random_state=seed)
    if pipeline.holidays == FRANCE:
        pipeline.holidays = city.calendar
    if known.get("position") == PARIS_POSITION and city.position is not None:
        pipeline.set_params(position=city.position)
    for name, value in parameters.items():
        if name not in known:
            raise ParameterError(
                no_such(f"parameter of '{spec.name}'", name, known),
                "parameter-unknown",
                name=name,
                known=sorted(known),
            )
        pipeline.set_params(**{name: _as_typed(name, value, known[name])})
    check_holidays(pipeline.holidays)
    return pipeline


def _as_typed(name: str, value: Any, default: Any) -> Any:
    """Return a value in the type of the parameter's default; raise `ParameterError` if it has another one."""
    if isinstance(value, str) and not isinstance(default, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise ParameterError(
                f"{name}: {value!r} is not {_kind(default)}", "parameter-malformed", name=name, value=str(value)
            ) from None
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if default is not None and type(value) is not type(default):
        raise ParameterError(
            f"{name}: {value!r} is not {_kind(default)}", "parameter-type", name=name, value=str(value)
        )
    return value


def _kind(default: Any) -> str:
    kinds = {bool: "True or False", int: "a whole number", float: "a number", str: "text", tuple: "a tuple"}
    return f"{kinds.get(type(default), type(default).__name__)} (the default is {default!r})"
