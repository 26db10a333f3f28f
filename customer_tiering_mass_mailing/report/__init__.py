from . import customer_tiering_followup_report
from . import customer_tiering_mailing_report
from . import customer_tiering_map_report
from . import customer_tiering_resource_report
