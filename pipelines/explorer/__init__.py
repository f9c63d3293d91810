"""The page on which a face is turned by its graphics code: what it asks for, who serves it, and the static site."""
