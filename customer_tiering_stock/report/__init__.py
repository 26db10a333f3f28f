from . import customer_tiering_promise_report
from . import customer_tiering_treatment_report
