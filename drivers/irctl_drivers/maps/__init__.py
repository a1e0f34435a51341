"""Device maps that come with irctl."""
