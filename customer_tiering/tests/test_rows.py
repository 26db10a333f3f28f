from datetime import date, datetime

import numpy as np

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from ..sources import base, people, returns, rows


@tagged("post_install", "-at_install")
class TestRows(TransactionCase):
    """Rows to arrays and frames to rows, and nothing changes on the way."""

    def test_every_kind_comes_as_it_is_and_null_as_said(self):
        query = SQL(
            """
            SELECT * FROM (VALUES
                (1, 7000000000, TRUE, 1.25, DATE '1999-12-31', TIMESTAMP '2026-02-03 04:05:06.789'),
                (NULL, NULL, NULL, NULL, NULL, NULL),
                (-3, -1, FALSE, -1e12, DATE '0001-01-01', TIMESTAMP '1969-12-31 23:59:59')
            ) rows (id, number, flag, amount, day, moment)
            """
        )
        kinds = (base.ID, base.INTEGER, base.BOOLEAN, base.FLOAT, base.DATE, base.MOMENT)
        arrays = rows.fetch_arrays(
            self.env.cr, query, dict(zip(("id", "number", "flag", "amount", "day", "moment"), kinds, strict=True))
        )
        self.assertEqual(arrays["id"].tolist(), [1, 0, -3])
        self.assertEqual(arrays["number"].tolist(), [7_000_000_000, 0, -1])
        self.assertEqual(arrays["flag"].tolist(), [True, False, False])
        self.assertEqual([arrays["amount"][0], arrays["amount"][2]], [1.25, -1e12])
        self.assertNotEqual(arrays["amount"][1], arrays["amount"][1])  # NaN
        self.assertEqual(arrays["day"].tolist(), [date(1999, 12, 31), None, date(1, 1, 1)])
        self.assertEqual(
            arrays["moment"].tolist(),
            [datetime(2026, 2, 3, 4, 5, 6, 789000), None, datetime(1969, 12, 31, 23, 59, 59)],
        )

    def test_no_rows_are_empty_arrays(self):
        arrays = rows.fetch_arrays(
            self.env.cr, SQL("SELECT 1 AS id, NOW()::timestamp AS moment WHERE FALSE"), {"id": "id", "moment": "moment"}
        )
        self.assertEqual({name: len(array) for name, array in arrays.items()}, {"id": 0, "moment": 0})
        self.assertEqual({name: array.dtype.kind for name, array in arrays.items()}, {"id": "i", "moment": "M"})

    def test_ids_are_found_in_any_order(self):
        for ids in ([7, 3, 5], [2_000_000_000, 3, 500_000_000], [5], []):
            wanted = [5, 4, 3, 2_000_000_000, 3, 0]
            found = people.find(np.array(ids, dtype="int32"), np.array(wanted, dtype="int32"))
            self.assertEqual(found.tolist(), [ids.index(id_) if id_ in ids else -1 for id_ in wanted], ids)

    def test_what_came_back_of_a_line_is_added_up(self):
        back = np.array([4, 9, 4, 6], dtype="int32"), np.array([0.5, -1.0, 0.25, np.nan])
        self.assertEqual(returns.find_shares(back, np.array([9, 4, 5, 6, 4])).tolist(), [0, 0.75, 0, 0, 0.75])

    def test_parts_are_put_together(self):
        self.patch(rows, "_PART", 7)
        partners = self.env["res.partner"].create([{"name": f"Partner {number}"} for number in range(20)])
        self.env.flush_all()
        query = SQL("SELECT id, color AS number FROM res_partner")
        arrays = rows.fetch_parts(self.env.cr, "res_partner", query, {"id": base.ID, "number": base.INTEGER})
        self.env.cr.execute("SELECT id FROM res_partner")
        self.assertEqual(sorted(arrays["id"].tolist()), sorted(id_ for (id_,) in self.env.cr.fetchall()))
        self.assertLessEqual(set(partners.ids), set(arrays["id"].tolist()))

    def test_a_frame_arrives_as_it_was(self):
        import pandas as pd  # noqa: PLC0415

        moneys = [0.0, 0.01, -0.01, 1234.56, -99999999.99, 1e15, 123456789.32, 0.1 + 0.2, None]
        count = len(moneys)
        frame = pd.DataFrame(
            {
                "number": pd.array([None, *range(-1, count - 2)], dtype="Int64"),
                "money": moneys,
                "ratio": [None, *([1 / 3] * (count - 1))],
                "flag": [True, False] * (count // 2) + [True],
                "day": pd.to_datetime(["2026-06-30", None, "1999-12-31"] * (count // 3)),
                "name": ["plain", None, 'with "quotes", a\ttab\nand a line', "ünïcödé €", ""] + ["\\N"] * (count - 5),
                "data": ['{"a": [1, 2.50]}', None] + ["[]"] * (count - 2),
            },
            index=pd.RangeIndex(1, count + 1, name="id"),
        )
        types = {"id": "int4", "number": "int4", "money": "numeric", "ratio": "float8"}
        types |= {"flag": "bool", "day": "date", "name": "varchar", "data": "jsonb"}
        columns = SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(type_)) for name, type_ in types.items())
        self.env.cr.execute(SQL("CREATE TEMPORARY TABLE arrived (%s) ON COMMIT DROP", columns))
        self.patch(rows, "_PIECE", 4)
        rows.copy_frame(self.env.cr, "arrived", frame, types)
        self.env.cr.execute("SELECT id, number, money::text, ratio, flag, day, name, data FROM arrived ORDER BY id")
        arrived = self.env.cr.fetchall()
        texts = ["0.00", "0.01", "-0.01", "1234.56", "-99999999.99", "1000000000000000.00", "123456789.32"]
        texts += ["0.30", None]
        self.assertEqual([row[0] for row in arrived], list(range(1, count + 1)))
        self.assertEqual([row[1] for row in arrived], [None, *range(-1, count - 2)])
        self.assertEqual([row[2] for row in arrived], texts)
        self.assertEqual([row[3] for row in arrived], [None, *([1 / 3] * (count - 1))])
        self.assertEqual([row[4] for row in arrived], frame["flag"].tolist())
        self.assertEqual([row[5] for row in arrived], [date(2026, 6, 30), None, date(1999, 12, 31)] * (count // 3))
        self.assertEqual([row[6] for row in arrived], [None if name != name else name for name in frame["name"]])
        self.assertEqual([row[7] for row in arrived], [{"a": [1, 2.5]}, None] + [[]] * (count - 2))

    def test_a_number_beyond_all_money_is_kept_as_the_most(self):
        """The others' rows are kept, too."""
        import pandas as pd  # noqa: PLC0415

        frame = pd.DataFrame({"money": [1e19, -1e300, 7.0]}, index=pd.Index([1, 2, 3], name="id"))
        self.env.cr.execute("CREATE TEMPORARY TABLE arrived (id int4, money numeric) ON COMMIT DROP")
        rows.copy_frame(self.env.cr, "arrived", frame, {"id": "int4", "money": "numeric"})
        self.env.cr.execute("SELECT money FROM arrived ORDER BY id")
        self.assertEqual([money for (money,) in self.env.cr.fetchall()], [9.2e18, -9.2e18, 7])

    def test_one_number_counts_no_more_than_the_most(self):
        query = SQL("SELECT unnest(ARRAY[1e300, -1e300, 5, 'NaN', 'Infinity', NULL]::float8[]) AS number")
        found = rows.fetch_arrays(self.env.cr, query, {"number": "float"})["number"].tolist()
        self.assertEqual(list(map(str, found)), list(map(str, (1e15, -1e15, 5.0, float("nan"), 1e15, float("nan")))))
