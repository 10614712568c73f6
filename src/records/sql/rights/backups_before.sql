SELECT path FROM backups WHERE made_at <= $1 ORDER BY made_at, id
