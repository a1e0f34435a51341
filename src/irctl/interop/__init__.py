"""What irctl sends to other systems, and takes from them: mappings as tables, and the clients that carry them."""
