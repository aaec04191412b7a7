"""Between Arrow and numpy without a copy, and without pandas.

pyarrow's own conversions import pandas to learn whether they were given one of its objects: a tenth of a second and
40 MB in a process that has no use for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def integers(array: Any) -> NDArray[np.int64]:
    """The 64-bit values of an Arrow array: integers, or moments as they are stored; a null's value is any."""
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset :][: len(array)] if len(array) else _NONE


def indices(values: NDArray[np.integer[Any]]) -> pa.Int64Array:
    """Places for Arrow to take."""
    whole = np.ascontiguousarray(values, np.int64)
    return pa.Int64Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])


def empty(schema: pa.Schema) -> pa.Table:
    """A table without rows."""
    return pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


_NONE = np.empty(0, np.int64)
