UPDATE ledger_segments SET state = $2 WHERE segment = $1
