"""What is read about customers: rows of PostgreSQL as arrays, a scan of each table, a row per customer in the end.

Plain Python; the ORM only says of whom. Modules, in the order in which they build on each other:

============== ============================================================================
documents      on what there are messages, activities and meetings, beside contacts
scope          what is to be read: of whom, as of which day, in which window, zone and money
base           what a source is, and the kinds of its columns
customers      who is a customer, beside those who have dealings
billing        posted invoices and credit notes in SQL, and what ties them to orders
orders         sale orders: a purchase source, and the one scan that several sources share
invoices       posted invoices: a purchase source, alone or beside the orders
activities     the activities that are overdue
messages       which messages are personal
meetings       who attended which meeting, and which is about a document
contact_fields the fields of contacts that people made metrics of
rows           rows between PostgreSQL and numpy by the million
people         the partners, and the customer that each of them belongs to
returns        what was returned of orders, and rebates
shares         whose an invoice is that comes from orders
costs          what goods cost, from the lines of documents
interactions   messages, done activities and meetings
lines          the lines of documents, and the one scan of those of orders
quotations     what was asked for, what became of it, through which team
products       the lines of orders
behaviour      when customers buy
wishes         what customers wish when they order
margins        what is left after what the goods cost
service        meetings and activities as work
touches        the days of interactions, for reports
receivables    what is owed, and how customers pay
answers        how soon quotations go to customers
credited       how much of what was invoiced was credited
voices         what people have noted: needs and the pulse
states         what was decided about customers before
checks         what contacts say of themselves, and documents that cannot be right
staging        what the parts of a run know, on its way from one step to the next
reading        one reading: what the sources share, and the frame that it ends with
past           what customers did in a time of which is known what came afterwards
============== ============================================================================

Nothing is imported here but what is asked for: ``sources.reading`` imports that module. The modules before
``rows`` import neither numpy nor pandas, so that who confirms an order or opens a report need not wait for them.
"""

from ..engine import lazily

MODULES = (
    "documents",
    "scope",
    "base",
    "customers",
    "billing",
    "orders",
    "invoices",
    "costs",
    "receivables",
    "answers",
    "credited",
    "voices",
    "activities",
    "messages",
    "meetings",
    "service",
    "touches",
    "contact_fields",
    "rows",
    "people",
    "returns",
    "shares",
    "interactions",
    "lines",
    "quotations",
    "products",
    "behaviour",
    "wishes",
    "margins",
    "states",
    "checks",
    "staging",
    "reading",
    "past",
)


__getattr__ = lazily(__name__, MODULES)
