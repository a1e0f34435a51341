"""Messages to patients: which there should be, what they say, and how they leave."""
