"""Records as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from threadline_ops.investigate.records import ChangeRecord, TransactionRecord

if TYPE_CHECKING:
    import pandas as pd

_TIMES = ("captured_at", "occurred_at")


def frame(records: Sequence[ChangeRecord] | Sequence[TransactionRecord]) -> pd.DataFrame:
    """One row a record, one column a field; times are datetime64[us, UTC], nested values stay Python objects.

    An empty sequence gives an empty frame with the columns of changes.
    """
    import pandas as pd

    kind = type(records[0]) if records else ChangeRecord
    names = [field.name for field in fields(kind)]
    rows = [[getattr(record, name) for name in names] for record in records]
    table = pd.DataFrame(rows, columns=pd.Index(names))
    for name in _TIMES:
        if name in table:
            table[name] = pd.to_datetime(table[name], utc=True).astype("datetime64[us, UTC]")
    return table
