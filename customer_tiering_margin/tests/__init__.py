from . import test_least_margin
from . import test_recorded_cost
