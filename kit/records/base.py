"""Base class and field types of the records."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Record(BaseModel):
    """A part of a JSON file: immutable after validation; unknown keys, of later versions, are ignored."""

    # Built when first used: a command needs few of them. The text "nan" would be a number.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, allow_inf_nan=False)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Figure = Annotated[float | None, BeforeValidator(_finite)]
"""A number; None replaces NaN and infinity, which JSON cannot store."""
Interval = tuple[float, float]
"""Low and high."""
