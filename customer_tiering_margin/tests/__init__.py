from . import test_concession
from . import test_least_margin
from . import test_recorded_cost
