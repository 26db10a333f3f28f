from . import customer_tiering_mailing_report
