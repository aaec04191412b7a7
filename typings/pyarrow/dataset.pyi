# pyarrow ships no types: what comes from it is Any, and checked by tests.
from typing import Any

def __getattr__(name: str) -> Any: ...
