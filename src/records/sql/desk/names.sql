SELECT name FROM users UNION SELECT by_whom FROM uses UNION SELECT reviewer FROM reviews
