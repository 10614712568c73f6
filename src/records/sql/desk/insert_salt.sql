INSERT INTO ledger_salts (digest, recording, salt) VALUES ($1, $2, $3)
