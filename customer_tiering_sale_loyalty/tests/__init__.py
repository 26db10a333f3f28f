from . import test_advances
from . import test_goods
