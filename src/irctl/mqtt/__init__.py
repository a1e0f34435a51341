"""What the lamps are doing, for a building's own displays, told to an MQTT broker. It only tells: nothing is subscribed to, and nothing is ever asked of a controller but what it shows."""
