from . import test_till_programs
