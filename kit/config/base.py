"""Base class and field types of the configuration."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# Strict, without conversion: YAML already distinguishes numbers, text and booleans.
Whole = Annotated[int, Field(strict=True)]
Count = Annotated[Whole, Field(ge=1)]
Seed = Annotated[Whole, Field(ge=0, lt=2**31)]
Real = Annotated[float, Field(strict=True)]
Fraction = Annotated[Real, Field(ge=0, lt=1)]
Flag = Annotated[bool, Field(strict=True)]
# Part of file names (members) and of keys (--set), in which a dot is the separator.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*$")]
# Names in kit.metrics.METRICS.
MetricName = Literal[
    "accuracy", "log_loss", "auc", "micro_f1", "macro_f1", "quadratic_weighted_kappa", "balanced_accuracy"
]


class Section(BaseModel):
    """A section of the configuration: rejects unknown keys, immutable after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
