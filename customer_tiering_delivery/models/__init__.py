from . import customer_tier
from . import customer_tiering_concession
from . import delivery_carrier
from . import sale_order
