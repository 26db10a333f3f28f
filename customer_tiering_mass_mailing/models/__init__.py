from . import customer_tiering_audience
from . import customer_segment
from . import customer_tier
from . import customer_tiering_policy
from . import customer_tiering_scorecard
from . import mailing_filter
from . import mailing_mailing
from . import res_partner
