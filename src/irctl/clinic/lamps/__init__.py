"""The stations that a clinic follows, and what its people ask of their lamps: over the controller's API, in the name of whoever is signed in."""
