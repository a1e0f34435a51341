"""What is in force: protocols, the screening list, the template of the note; and the files in which they are written."""
