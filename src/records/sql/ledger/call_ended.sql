UPDATE calls SET ledger = 'ended' WHERE call = $1
