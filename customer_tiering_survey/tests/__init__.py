from . import test_access
from . import test_answers
from . import test_named
