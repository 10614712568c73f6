SELECT id, recording, purpose, reason, basis, compatibility, ends_with, review_on, informed_on, proposed_by, proposed_through, proposed_at,
       approved_by, approved_at, refused_at
FROM proposals
WHERE approved_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = proposals.recording AND purposes.purpose = 'other' AND purposes.about = proposals.id)
      AND NOT EXISTS (SELECT 1 FROM anchors WHERE anchors.recording = proposals.recording AND anchors.purpose = 'other'
                      AND anchors.about = proposals.id AND anchors.anchor = 'ended')
ORDER BY proposed_at, id
