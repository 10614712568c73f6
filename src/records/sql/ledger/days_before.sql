SELECT DISTINCT day FROM calls
WHERE day < $1
      AND NOT EXISTS (SELECT 1 FROM calls AS kept JOIN recordings ON recordings.call = kept.call
                      WHERE kept.day = calls.day AND recordings.life NOT IN ('gone', 'delivered'))
ORDER BY day
