"""What the parts of a run know, on its way from one step to the next: columns as compressed bytes in one table.

The table is in no log of the database (``UNLOGGED``): what is in it is computed again where it is lost, and after the
run nobody needs it.
"""

import json
import zlib

import numpy as np
import pandas as pd

from odoo.tools import SQL

TABLE = "customer_tiering_part_column"
#: Fast, and columns are mostly small numbers and zeros.
_LEVEL = 1
_INDEX = "#"


def create_table(cr):
    """Create the table where it is missing."""
    cr.execute(
        SQL(
            """
            CREATE UNLOGGED TABLE IF NOT EXISTS %s (
                part_id int NOT NULL REFERENCES customer_tiering_part ON DELETE CASCADE,
                frame varchar NOT NULL, name varchar NOT NULL, kind jsonb NOT NULL, data bytea NOT NULL,
                PRIMARY KEY (part_id, frame, name))
            """,
            SQL.identifier(TABLE),
        )
    )
    # They are compressed already.
    cr.execute(SQL("ALTER TABLE %s ALTER COLUMN data SET STORAGE EXTERNAL", SQL.identifier(TABLE)))


def put(cr, part_id, frame_name, columns):
    """Keep arrays or columns of a part under a name, in place of what is kept under it.

    :param columns: a DataFrame, which is kept with its index of whole numbers, or a dict of arrays
    """
    forget(cr, part_id, frame_name)
    more = {}
    if isinstance(columns, pd.DataFrame):
        more[_INDEX] = {"names": list(columns)}
        columns = {_INDEX: columns.index.to_numpy(), **columns}
    for name, values in columns.items():
        kind, data = _encode(values)
        kind |= more.get(name, {})
        cr.execute(
            SQL(
                "INSERT INTO %s (part_id, frame, name, kind, data) VALUES (%s, %s, %s, %s, %s)",
                SQL.identifier(TABLE),
                part_id,
                frame_name,
                name,
                json.dumps(kind, default=lambda number: number.item()),
                zlib.compress(data, _LEVEL),
            )
        )


def forget(cr, part_id, frame_name):
    """Forget what is kept under a name."""
    cr.execute(SQL("DELETE FROM %s WHERE part_id = %s AND frame = %s", SQL.identifier(TABLE), part_id, frame_name))


def get(cr, part_id, frame_name, names=None):
    """Return the columns that are kept under a name as a dict, in the order of ``names``; all of them without."""
    cr.execute(
        SQL(
            "SELECT name, kind, data FROM %s WHERE part_id = %s AND frame = %s AND %s",
            SQL.identifier(TABLE),
            part_id,
            frame_name,
            SQL("TRUE") if names is None else SQL("name = ANY(%s)", list(names)),
        )
    )
    found = {name: _decode(kind, zlib.decompress(data)) for name, kind, data in cr.fetchall()}
    return found if names is None else {name: found[name] for name in names}


def get_names(cr, part_id, frame_name):
    """Return the names of the columns of a DataFrame that :func:`put` kept, in their order."""
    cr.execute(
        SQL(
            "SELECT kind FROM %s WHERE part_id = %s AND frame = %s AND name = %s",
            SQL.identifier(TABLE),
            part_id,
            frame_name,
            _INDEX,
        )
    )
    return cr.fetchone()[0]["names"]


def get_frame(cr, part_id, frame_name, names=None):
    """Return columns of a DataFrame that :func:`put` kept, in the order of ``names``; all of them without."""
    names = get_names(cr, part_id, frame_name) if names is None else list(names)
    columns = get(cr, part_id, frame_name, [_INDEX, *names])
    return pd.DataFrame(columns, index=pd.Index(columns.pop(_INDEX), name="customer"), columns=names)


class StoredFrame:
    """A DataFrame that :func:`put` kept, of which columns are fetched when they are asked for."""

    def __init__(self, cr, part_id, frame_name):
        self.cr, self.part_id, self.frame_name = cr, part_id, frame_name
        self.names = frozenset(get_names(cr, part_id, frame_name))
        self.size = len(get(cr, part_id, frame_name, [_INDEX])[_INDEX])

    def __len__(self):
        return self.size

    def __contains__(self, name):
        return name in self.names

    def __getitem__(self, names):
        return get_frame(self.cr, self.part_id, self.frame_name, names)


def _encode(values):
    """Return a kind, for JSON, and bytes of an array or a Series."""
    values = pd.Series(values)
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufM":
        return {"dtype": dtype.str}, np.ascontiguousarray(values.to_numpy()).tobytes()
    if isinstance(dtype, pd.Int64Dtype):
        known = values.notna().to_numpy()
        return {"dtype": "Int64"}, known.tobytes() + values.fillna(0).to_numpy(dtype="<i8").tobytes()
    if isinstance(dtype, pd.CategoricalDtype):
        kind = {"dtype": "category", "values": list(dtype.categories), "ordered": bool(dtype.ordered)}
        return kind, values.cat.codes.to_numpy(dtype="<i4").tobytes()
    codes, distinct = pd.factorize(values)
    return {"dtype": "object", "values": list(distinct)}, codes.astype("<i4").tobytes()


def _decode(kind, data):
    """The other way round."""
    dtype = kind["dtype"]
    if dtype == "Int64":
        count = len(data) // 9
        known, numbers = np.frombuffer(data, "?", count), np.frombuffer(data, "<i8", offset=count)
        return pd.arrays.IntegerArray(numbers.astype("int64"), ~known)
    if dtype in ("category", "object"):
        codes = np.frombuffer(data, "<i4")
        if dtype == "category":
            return pd.Categorical.from_codes(codes, kind["values"], ordered=kind["ordered"])
        return np.array([*kind["values"], None], dtype=object)[codes]
    return np.frombuffer(data, dtype).copy()
