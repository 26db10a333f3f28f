from . import customer_tier
from . import delivery_carrier
from . import sale_order
