from . import test_concession
from . import test_free_delivery
