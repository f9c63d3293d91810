"""Limits on the size of mesh files: a few bytes can declare more than any machine can store or render.

With these limits, the worst known file takes less than a gigabyte and less than fifteen seconds.
"""

LARGEST_FILE = 128 << 20
"""Most bytes of a mesh file, and of each buffer beside it."""
LARGEST_LIBRARY = 8 << 20
"""Most bytes of a material library."""
LARGEST_PICTURE = 64 << 20
"""Most bytes of a picture file."""
MOST_PIXELS = 64 << 20
"""Most pixels of one picture: 8192 x 8192."""
MOST_PIXELS_TOGETHER = 256 << 20
"""Most pixels of all pictures of one mesh."""
MOST_PICTURES = 128
TEXTURE_SIDE = 512
"""Larger pictures are reduced to this many pixels along their longer side."""

MOST_VERTICES = 3_000_000
MOST_TRIANGLES = 1_000_000
MOST_CORNERS = 4096
"""Most corners of one polygon."""
MOST_STEPS = 500_000_000
"""Most comparisons spent on the concave polygons of one mesh."""
MOST_PARTS = 10_000
"""Most primitives of a glTF scene."""
MOST_LINES = 10_000_000
LONGEST_LINE = 1 << 20
"""Most characters of a line."""
MOST_JSON_VALUES = 2_000_000
MOST_LIBRARIES = 32
MOST_MATERIALS = 10_000
MOST_WARNINGS = 30
"""Most different warnings of one mesh; further ones are only counted."""
FARTHEST = 1e30
"""Coordinates of this size and above are treated as infinite."""
