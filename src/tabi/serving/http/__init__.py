"""HTTP: the connection, the two doors, who may do what, and how much at once."""
