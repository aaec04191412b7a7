-- Made here, because a schema's maker may do so only with a right on the whole database.
create schema if not exists {audit}
