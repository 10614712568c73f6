SELECT text FROM ledger_rows WHERE segment = $1 AND row >= $2 AND row < $3 ORDER BY row
