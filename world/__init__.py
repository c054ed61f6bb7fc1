"""The place: box worlds as arrays, their physics, what can be seen, edits, pictures and scenarios."""
