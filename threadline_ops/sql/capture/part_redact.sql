-- Redaction must hold even after a redacted column was renamed, or it would leak under its new name.
    if coalesce(v_new, v_old) ?& {redacted} then
        v_old := {old};
        v_new := {new};
    else
        -- A redacted column was renamed or dropped: whatever is not known to be harmless may be that column.
        v_old := {audit}.threadline_capture_unknown(v_old, {exclude}, {known}, {placeholder});
        v_new := {audit}.threadline_capture_unknown(v_new, {exclude}, {known}, {placeholder});
    end if;
