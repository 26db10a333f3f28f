from . import customer_tiering_resource_report
