from . import test_tickets
from . import test_payment
from . import test_till
