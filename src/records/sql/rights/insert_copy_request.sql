INSERT INTO requests (id, kind, customer, customer_form, around, received_on, entered_by, entered_at)
VALUES ($1, 'access', $2, (SELECT customer_form FROM recordings WHERE id = $3), $4, $5, $6, $7)
