from . import customer_tier
from . import customer_tier_promise
from . import customer_tiering_reader
from . import customer_tiering_scorecard
from . import stock_move
from . import stock_picking
