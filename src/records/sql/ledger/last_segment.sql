SELECT segment, month, state, pseudonym_key FROM ledger_segments WHERE site = $1 ORDER BY segment DESC LIMIT 1
