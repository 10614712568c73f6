SELECT day, sequence, period FROM calls WHERE call = $1 AND site = $2 AND ledger = 'began'
