"""From a store's specification to finished shards."""
