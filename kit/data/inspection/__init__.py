"""Look at a competition's files and conclude what they are: for `kit init`."""

from kit.data.inspection.conclusions import Conclusions, inspect
from kit.data.inspection.findings import Choice, Line, Question, Setting

__all__ = ["Choice", "Conclusions", "Line", "Question", "Setting", "inspect"]
