SELECT id, recording, purpose, reason, basis, compatibility, ends_with, review_on, informed_on, proposed_by, proposed_through, proposed_at,
       approved_by, approved_at, refused_at
FROM proposals ORDER BY proposed_at, id
