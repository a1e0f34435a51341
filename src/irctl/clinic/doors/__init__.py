"""Who is signed in: browsers, their screen locks, tokens for controllers, and how a browser reaches a station."""
