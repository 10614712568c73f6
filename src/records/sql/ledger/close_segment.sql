UPDATE ledger_segments SET rows = $2, root = $3 WHERE segment = $1
