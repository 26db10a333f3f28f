from . import customer_tier
from . import customer_tiering_concession
from . import customer_tiering_reader
from . import sale_order
