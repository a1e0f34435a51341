"""What every page stands in: the frame, its pieces, its socket, the plain pages of the sign-in, and the routes beside them."""
