SELECT id, kind, customer, agent, around, reason, received_on, entered_by, entered_at, extended_at, extension_reason, outcome, ground, answered_at
FROM requests
WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
