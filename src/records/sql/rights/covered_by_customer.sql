SELECT id FROM recordings WHERE (customer = $1 OR customer_form = $2) AND life IN ('kept', 'restricted') ORDER BY id
