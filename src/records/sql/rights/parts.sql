SELECT path FROM parts WHERE recording = $1 ORDER BY part
