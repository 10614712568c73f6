INSERT INTO requests (id, kind, customer, customer_form, agent, around, reason, received_on, entered_by, entered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
