-- Compared as stored, so that types without an equality operator do not matter.
    if tg_op = 'UPDATE' and old *= new then
        return null;
    end if;
