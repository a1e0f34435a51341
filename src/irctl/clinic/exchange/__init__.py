"""Other systems: what they tell waits for a person, what is signed here is told to them."""
