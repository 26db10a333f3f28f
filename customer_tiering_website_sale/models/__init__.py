from . import customer_tiering_playbook
from . import customer_tiering_reader
from . import customer_tiering_scorecard
from . import res_config_settings
from . import website
from . import website_snippet_filter
