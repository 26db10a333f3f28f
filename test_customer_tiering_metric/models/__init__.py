from . import customer_tiering_reader
from . import customer_tiering_scorecard
