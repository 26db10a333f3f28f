from . import calendar_event
from . import customer_tiering_reader
