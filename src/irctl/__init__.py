"""irctl runs therapeutic infrared lamps. Not a certified medical device."""
