SELECT id, recording, purpose, reason, basis, compatibility, ends_with, review_on, informed_on, proposed_by, proposed_through, proposed_at,
       approved_by, approved_at, refused_at
FROM proposals
WHERE recording IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ORDER BY proposed_at, id
