from . import test_audience
from . import test_buttons
from . import test_held_out
from . import test_recommended
from . import test_results
