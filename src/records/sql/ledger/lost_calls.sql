SELECT call FROM calls WHERE outcome = 'lost' AND ledger = 'began' AND site = $1 ORDER BY began_at, call
