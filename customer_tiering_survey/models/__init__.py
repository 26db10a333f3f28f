from . import customer_tiering_policy
from . import customer_tiering_reader
from . import customer_tiering_run
from . import customer_tiering_scorecard
