from . import calendar_event
from . import crm_lead
from . import customer_tiering_reader
