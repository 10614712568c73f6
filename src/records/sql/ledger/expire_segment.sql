UPDATE ledger_segments SET expired_at = $2, pseudonym_key = NULL WHERE segment = $1
