from . import base_partner_merge
from . import customer_tiering_advisor
from . import customer_tiering_backtest
from . import customer_tiering_cost_wizard
from . import customer_tiering_lock_wizard
from . import customer_tiering_playbook_preview
from . import mail_activity_schedule
from . import mail_compose_message
