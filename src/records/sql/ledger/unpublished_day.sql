SELECT day FROM ledger_periods WHERE site = $1 AND day < $2 AND published_at IS NULL ORDER BY day LIMIT 1
