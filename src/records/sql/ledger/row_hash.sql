SELECT hash FROM ledger_rows WHERE segment = $1 AND row = $2
