-- Only excluded columns changed: as text, because 1.0 and 1.00 are equal numbers and not the same value.
    if tg_op = 'UPDATE' and ({old})::text = ({new})::text then
        return null;
    end if;
