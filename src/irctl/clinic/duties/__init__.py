"""What the clinic does by itself, by the clock: reminders, its nights, and taking over what controllers write in their journals."""
