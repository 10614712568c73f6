UPDATE ledger_months SET number = $3 WHERE site = $1 AND month = $2 AND number IS NULL
