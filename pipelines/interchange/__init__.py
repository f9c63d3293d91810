"""Data layouts of other projects: imported into stores, and exported from them."""
