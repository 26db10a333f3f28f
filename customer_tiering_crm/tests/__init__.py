from . import test_opportunities
from . import test_shown
