SELECT COUNT(*) FROM recordings
WHERE agent = $1 AND began_at >= $2
      AND (EXISTS (SELECT 1 FROM reviews WHERE reviews.recording = recordings.id AND outcome IS NOT NULL AND outcome <> 'skipped')
           OR EXISTS (SELECT 1 FROM receipts WHERE receipts.recording = recordings.id
                      AND reason IN ('nothing-found', 'may-be-disputed', 'awaits-evaluation', 'disputed')))
