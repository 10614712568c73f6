SELECT id, received_on, entered_at, extended_at FROM requests WHERE answered_at IS NULL
