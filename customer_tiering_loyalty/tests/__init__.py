from . import test_concession
from . import test_points
from . import test_points_expire
from . import test_programs
