from . import customer_tiering_cohort_report
from . import customer_tiering_followup_report
from . import customer_tiering_map_report
from . import customer_tiering_moves_report
from . import customer_tiering_profit_report
from . import customer_tiering_promise_report
from . import customer_tiering_resource_report
from . import customer_tiering_treatment_report
