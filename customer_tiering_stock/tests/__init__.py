from . import test_deliveries
from . import test_promise
from . import test_shown
from . import test_urgent
