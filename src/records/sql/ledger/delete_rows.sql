DELETE FROM ledger_rows
WHERE segment = $1 AND row < (SELECT MIN(row) FROM ledger_rows WHERE segment = $1) + $2
