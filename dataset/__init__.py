"""One-factor batches on disk: what they show (`plan`), how they are stored, and how they are read back.

>>> from dataset import open_store
>>> batch = open_store("faces.zarr")["train", "azimuth"][0]  # doctest: +SKIP
"""

from dataset.batch import Batch as Batch
from dataset.batches import Batches as Batches
from dataset.digest import store_digest as store_digest
from dataset.errors import StoreError as StoreError
from dataset.factors import Factor as Factor
from dataset.factors import factors_of as factors_of
from dataset.plan import batch_values as batch_values
from dataset.spec import StoreSpec as StoreSpec
from dataset.store import Store as Store
from dataset.store import create_store as create_store
from dataset.store import open_store as open_store
