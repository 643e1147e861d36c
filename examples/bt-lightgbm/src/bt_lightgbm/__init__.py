"""Declares the pipeline ``lightgbm``, without importing the libraries that it uses."""

from bike_traffic import PipelineSpec, hookimpl


@hookimpl
def bt_pipelines() -> list[PipelineSpec]:
    """Declare the pipeline of this package."""
    return [
        PipelineSpec(
            name="lightgbm",
            target="bt_lightgbm.model:LightGBMPipeline",
            summary="gradient-boosted trees on calendar and history features; bikes per hour",
            requires=("lightgbm",),
        )
    ]
