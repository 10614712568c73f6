UPDATE calls SET ledger = 'ended' WHERE call = $1 AND site = $2 AND ledger = 'began' RETURNING day, sequence, period
