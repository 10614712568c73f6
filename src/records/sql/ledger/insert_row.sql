INSERT INTO ledger_rows (segment, row, text, hash) VALUES ($1, $2, $3, $4)
