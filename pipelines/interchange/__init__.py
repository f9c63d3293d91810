"""Other people's data layouts: read into stores, and written from them."""
