from . import test_recorded_cost
