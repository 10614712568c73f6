SELECT id, recording, purpose, reason, basis, compatibility, ends_with, review_on, informed_on, proposed_by, proposed_through, proposed_at,
       approved_by, approved_at, refused_at
FROM proposals WHERE id = $1 OR recording = $1
ORDER BY proposed_at DESC, id DESC LIMIT 1
