from . import test_browsing
from . import test_carts
from . import test_prices
from . import test_recommended
from . import test_viewed
