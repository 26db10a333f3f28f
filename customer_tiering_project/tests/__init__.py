from . import test_complaints
from . import test_proposals
from . import test_shown
from . import test_tasks
