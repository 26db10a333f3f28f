from . import test_access
from . import test_cdnow
from . import test_golden
from . import test_policy
from . import test_reader
from . import test_res_partner
from . import test_run
from . import test_sale_order
