"""What people and programs may ask of the station, over HTTP: the routes, who may ask what, what passes first, and what is shown."""
