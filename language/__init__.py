"""Symbols, the channel they travel through, and measures of the language that emerges."""
