from . import customer_tier
from . import customer_tiering_concession
from . import customer_tiering_playbook
from . import customer_tiering_policy
from . import customer_tiering_reader
from . import customer_tiering_scorecard
from . import loyalty_program
from . import sale_order
