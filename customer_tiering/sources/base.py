"""What a source is, and the kinds of its columns."""

from .. import sources

# What a column of a SELECT holds, see rows.fetch_arrays for the array that it becomes.
ID = "id"
INTEGER = "integer"
BOOLEAN = "boolean"
FLOAT = "float"
DATE = "date"
MOMENT = "moment"

# The most that one FLOAT counts, and -MOST the least. What is beyond is a typing error, such as a barcode that was
# scanned into a price: it must not make a sum for all customers fail.
MOST = 1e15

# What a column of a QuerySource holds: DATE or one of these. And what a customer has of whom its SELECT says nothing.
COUNT = "count"  # a whole number, 0
SUM = "sum"  # a number, 0
NUMBER = "number"  # a number, nothing; a DATE: nothing

# When the money of an order counts for a PurchaseSource.
CONFIRMED = "confirmed"
INVOICED = "invoiced"


class PurchaseSource:
    """Where purchases come from: who has dealings with the company, what they bought and gave back.

    A ``reading`` is a :class:`.reading.Reading`. Its people, its customers and what several sources share are there
    when a source is asked for what it reads; places are those in its arrays, -1 for strangers.
    """

    #: The SELECT of the ids of the products that stand for money paid in advance, such as gift cards: a line of one
    #: pays, or sells what will pay, and is no purchase. None: there is no such app.
    advances = None

    #: When the money of an order counts here: CONFIRMED or INVOICED; None: it never does.
    counts_when = None

    #: The models of the documents that are purchases here; without any where nobody looks for mistakes in them.
    papers = ()

    def get_dealing_query(self, company_id):
        """Return the SELECT of who has dealings with a company, however often: ``partner_id``, and the ``moment``
        (naive UTC) of the dealing, NULL for those of whoever is the customer today."""
        raise NotImplementedError

    def get_days_query(self, customer, company, timezone):
        """Return the SELECT of the days (``day``) of a customer's purchases, one per document, for reports: what was
        returned later was bought all the same.

        :param customer: id of the commercial partner, SQL; so are ``company``, its id, and ``timezone``, its name
        """
        raise NotImplementedError

    def read_dealing(self, reading):
        """Return the same partners as the places of people, however often; before customers are known."""
        raise NotImplementedError

    def read_purchases(self, reading):
        """Return the documents until the last day as ``engine.purchases.Purchases``, of which the money before the
        window need only be right in its sign unless the scope has a least amount. It is asked once, after who has
        dealings."""
        raise NotImplementedError

    def get_ids(self, reading):
        """Return the ids of these documents, by which this source knows them; after they were read."""
        raise NotImplementedError

    def locate(self, ids):
        """Return the model and the id of each document that this source knows by these ids, an array; None as the model
        of one that is none of ``papers``."""
        return [((*self.papers, None)[0], id_) for id_ in ids.tolist()]

    def read_rebates(self, reading):
        """Return what else lowers the customers' amounts in the window, as two arrays: place of the customer and
        (negative) money, or nothing where the scope has no rebates. It is asked after the purchases."""
        return sources.returns.read_rebates(reading)

    def read_teams(self, reading, ids):
        """Return the id of the sales team of each of these documents, 0: none."""
        raise NotImplementedError

    def get_line_columns(self):
        """Return the columns that the scan of the lines of orders has to bring for this source, if it is asked for:
        ``{name: (kind, SQL)}``."""
        return {}

    def read_lines(self, reading, ids):
        """Return the lines of these documents as arrays: place in ``ids``, product (id, 0: no goods), category (id,
        0: none), and what it cost, what it would have cost without discount, and the discount. Lines of which
        everything came back are no rows."""
        raise NotImplementedError

    def read_goods(self, reading, ids):
        """Return the goods in these documents as arrays: place in ``ids``, product (id), category (id, 0: none), the
        quantity in the product's own unit, and the money in the company's currency, both above 0. What was given for
        nothing, discounts and lines of which everything came back are no rows."""
        raise NotImplementedError

    def read_costs(self, reading, ids):
        """Return the lines of these documents and what they cost the company as arrays: place in ``ids``, and in the
        company's currency the money of the line (below 0: a discount, or goods that come back) and what its goods cost,
        its quantity, whether it is goods, and which share of it came back, 0 to 1."""
        raise NotImplementedError

    def get_wholes(self, reading):
        """Return what each of the documents was worth to all its customers before anything came back."""
        wholes = reading.purchases.money.copy()
        wholes[reading.purchases.taken] += reading.purchases.returned
        return wholes

    def get_affected(self, records):
        """Return whose purchases or returns ``records`` are or have just ceased to be: ``{company: partners}``.

        These customers are scored again. A person waits meanwhile, so what has to be known should be in the cache.

        :param records: of any model; those that are none of this source's affect nobody
        """
        raise NotImplementedError


class MetricSource:
    """What brings columns of the frame of customers; it is read where one of them is needed."""

    #: The names of the columns, in any collection.
    columns = ()

    def get_order_columns(self, scope):
        """Return the columns that the scan of orders has to bring for this source: ``{name: (kind, SQL)}``."""
        return {}

    def read_columns(self, reading, columns):
        """Return a DataFrame, index = ``reading.customers``, with all of :attr:`columns` that are among ``columns``.

        More are welcome where they come by themselves: nobody gets to see them.

        :param reading: a :class:`.reading.Reading`
        :param columns: the names of all columns that are needed, a set
        """
        raise NotImplementedError


class QuerySource(MetricSource):
    """Columns that come from a SELECT with a row per customer."""

    #: ``{name: DATE, COUNT, SUM or NUMBER}``
    columns = {}

    def get_query(self, scope):
        """Return the SELECT: the commercial partner's id as ``customer``, and all columns under their names.

        Where only some customers are read, ``scope.of_partners`` or ``scope.of_documents`` keeps the others out.

        :param scope: a :class:`.scope.Scope`
        """
        raise NotImplementedError

    def read_columns(self, reading, columns):
        kinds = {column: kind for column, kind in self.columns.items() if column in columns}
        return reading.fetch_by_customer(self.get_query(reading.scope), kinds)
