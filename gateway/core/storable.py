"""Text and JSON from outside as PostgreSQL can hold them: neither U+0000 nor half of a surrogate pair, no NaN."""

import math
from typing import Any


def storable(text: str) -> str:
    """The text with U+FFFD for what the database cannot hold; two halves that belong together become a character."""
    plain = text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return plain.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def storable_json(value: Any) -> Any:
    """The same of all texts and names in a JSON value, and null for a number that is none."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(name)): storable_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [storable_json(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
