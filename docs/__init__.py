"""The pages, and what is made of the code for them (`generate`)."""
