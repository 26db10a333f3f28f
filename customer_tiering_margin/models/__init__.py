from . import customer_tiering_reader
