from . import test_bad_rating
from . import test_ratings
