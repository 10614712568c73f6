SELECT id, recording, purpose, reason, basis, compatibility, ends_with, review_on, informed_on, proposed_by, proposed_through, proposed_at,
       approved_by, approved_at, refused_at
FROM proposals WHERE approved_at IS NULL AND refused_at IS NULL ORDER BY proposed_at, id
