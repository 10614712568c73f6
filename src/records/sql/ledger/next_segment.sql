SELECT COALESCE(MAX(segment), 0) + 1 FROM ledger_segments
