import enum

from adbc_driver_manager import AdbcDatabase

class StatementOptions(enum.Enum):
    BATCH_SIZE_HINT_BYTES = ...

def connect(uri: str, db_kwargs: dict[str, str] | None = None) -> AdbcDatabase: ...
