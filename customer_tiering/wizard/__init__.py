from . import base_partner_merge
from . import customer_tiering_lock_wizard
from . import customer_tiering_advisor
