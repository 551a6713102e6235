"""Typed records: what a run's and a study's JSON files hold. Each carries its version and is checked when read."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A part of a JSON file; its values never change after validation. Keys of later versions are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
