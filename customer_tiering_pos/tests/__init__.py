from . import test_bookkeeper
from . import test_cdnow_tickets
from . import test_everyday
from . import test_payment
from . import test_profit
from . import test_ticket_stories
from . import test_tickets
from . import test_till
