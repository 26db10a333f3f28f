from . import customer_tiering_part
from . import customer_tiering_playbook
from . import customer_tiering_policy
from . import customer_tiering_refresh
from . import customer_tiering_run
