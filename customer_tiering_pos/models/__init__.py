from . import customer_tiering_concession
from . import customer_tiering_former
from . import customer_tiering_policy
from . import customer_tiering_reader
from . import pos_order
from . import res_company
from . import res_partner
