SELECT EXISTS (SELECT 1 FROM calls WHERE day = $2 AND site = $1 AND ledger = 'began')
