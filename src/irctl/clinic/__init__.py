"""What people see of a station beside its controller. Here: the schedule. It talks to the controller over its API only, and lights nothing."""
