from . import customer_tiering_resource_report
from . import customer_tiering_followup_report
