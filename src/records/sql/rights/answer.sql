UPDATE requests
SET outcome = $2, ground = COALESCE($3, ground), answered_by = $4, answered_at = $5, customer_form = NULL,
    customer = CASE WHEN customer IS NULL THEN NULL ELSE '' END
WHERE id = $1 AND answered_at IS NULL
