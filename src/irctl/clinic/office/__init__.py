"""The clinic's own business: its people, notices to them, what they write to put in force, fees, a demonstration's faults, and what it all stands on."""
