"""Rows between PostgreSQL and numpy by the million, without a Python object per value."""

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pandas as pd

from odoo.tools import SQL

from .. import pace
from .base import BOOLEAN, DATE, FLOAT, ID, INTEGER, MOMENT, MOST

# PostgreSQL counts days and microseconds from here.
POSTGRES_EPOCH = "2000-01-01"
# A value as bytes and what stands for NULL. string_agg() leaves NULLs out, which would shift the others.
_SEND = {
    ID: "int4send(COALESCE(%s, 0))",
    INTEGER: "int8send(COALESCE(%s, 0)::int8)",
    BOOLEAN: "boolsend(COALESCE(%s, FALSE))",
    FLOAT: "float8send(COALESCE(%s::float8, 'NaN'))",
    DATE: "date_send(COALESCE(%s, 'infinity'))",
    MOMENT: "timestamp_send(COALESCE(%s, 'infinity'))",
}
_DTYPES = {ID: ">i4", INTEGER: ">i8", BOOLEAN: "?", FLOAT: ">f8", DATE: ">i4", MOMENT: ">i8"}
_HEADER = 21  # bytes before the first value of a binary COPY
_PART, _SMALL_PART = 1 << 22, 1 << 18  # ids; between small ones there are rests
_FEW = 10_000  # ids that are looked up one by one


def fetch_arrays(cr, query, columns):
    """Return the columns of ``query`` as arrays; parallel plans are possible.

    PostgreSQL strings the values of a column together as bytes, so that millions of rows come as a few
    values, each of which is an array in memory already.

    :param cr: the cursor
    :param query: a SELECT as SQL, without an order: the rows come in any, the same in all arrays. PostgreSQL
        hands over a gigabyte at most, some 40 million rows
    :param columns: ``{column of query: ID, INTEGER, BOOLEAN, FLOAT, DATE or MOMENT}``
    :return: ``{column: array}``: int32 for ID and int64 for INTEGER (NULL: 0), bool (NULL: False), float64
        (NULL: NaN; at most MOST, at least -MOST), and for DATE and MOMENT datetime64[D] and datetime64[us] (NULL: NaT),
        naive as in the database
    """
    statement = SQL(
        "COPY (SELECT %s FROM (%s) fetched) TO STDOUT (FORMAT binary)",
        SQL(", ").join(SQL("string_agg(%s, '')", SQL(_SEND[kind], SQL.identifier(c))) for c, kind in columns.items()),
        query,
    )
    buffer = io.BytesIO()
    cr.copy_expert(cr.mogrify(statement).decode(), buffer)
    data, position = buffer.getbuffer(), _HEADER
    arrays = {}
    for column, kind in columns.items():
        size = max(int.from_bytes(data[position : position + 4], "big", signed=True), 0)  # -1: NULL, no rows
        position += 4
        arrays[column] = _to_native(np.frombuffer(data[position : position + size], _DTYPES[kind]), kind)
        position += size
    pace.rest()
    return arrays


def fetch_frame(cr, query, columns):
    """Return the same as :func:`fetch_arrays` as a DataFrame, index = ``id``, ascending.

    :param columns: with ``id``
    """
    found = fetch_arrays(cr, query, columns)
    return pd.DataFrame({name: found[name] for name in columns}).set_index("id").sort_index()


def is_one_of(column, ids):
    """Return the condition that ``column`` is one of these ids, an array of any size, as SQL."""
    if len(ids) <= _FEW:
        return SQL("%s = ANY(%s)", column, ids.tolist())
    # As text, and as a table to join: an array of a million numbers would be a million expressions.
    return SQL("%s IN (SELECT unnest(%s::int[]))", column, "{%s}" % ",".join(map(str, ids.tolist())))


def fetch_parts(cr, table, query, columns, choose=None):
    """Return the same as :func:`fetch_arrays`, handed over in parts that do not fill the memory.

    :param table: name of the table whose ``id`` is that of ``query``
    :param query: a SELECT as SQL with ``id`` among its columns
    :param choose: called with the arrays of each part, returns which rows are wanted, an array of bool; None: all
    """
    cr.execute(SQL("SELECT COALESCE(MIN(id), 0), COALESCE(MAX(id), 0) FROM %s", SQL.identifier(table)))
    first, last = cr.fetchone()
    size = _SMALL_PART if pace.is_resting() else _PART
    parts = []
    for id_ in range(first, last + 1, size):
        part = SQL("SELECT * FROM (%s) part WHERE id >= %s AND id < %s", query, id_, id_ + size)
        found = fetch_arrays(cr, part, columns)
        if choose:
            chosen = choose(found)
            found = {name: values[chosen] for name, values in found.items()}
        parts.append(found)
    return parts[0] if len(parts) == 1 else {c: np.concatenate([part.pop(c) for part in parts]) for c in columns}


def _to_native(array, kind):
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if kind == FLOAT:
        return array.clip(-MOST, MOST)
    if kind not in (DATE, MOMENT):
        return array
    dates = array.astype("int64").view("datetime64[us]" if kind == MOMENT else "datetime64[D]")
    dates = dates + (np.datetime64(POSTGRES_EPOCH) - np.datetime64("1970-01-01"))
    dates[array == np.iinfo(array.dtype).max] = "NaT"
    return dates


# ----------------------------------------------------------------------
# The other way
# ----------------------------------------------------------------------

# The payload of one value in a binary COPY, as a numpy dtype. A numeric is a header and digits to the base
# of 10,000, as many in each row as the largest number of the piece needs; PostgreSQL drops the zeros.
_HEAD = [(name, ">i2") for name in ("digits", "weight", "sign", "scale")]
_PLACES = 4  # decimals in one digit
_PAYLOADS = {"int4": ">i4", "float8": ">f8", "bool": "?"}
_TEXTS = {"varchar": b"", "text": b"", "jsonb": b"\x01"}  # what comes before the text
_PIECE = 20_000  # rows


def copy_frame(cr, table, frame, types, decimals=None, texts=None):
    """Append the rows of a DataFrame to a table of PostgreSQL.

    :param cr: the cursor
    :param table: name of the table
    :param frame: a DataFrame; its columns and its index are columns of the table, missing values become NULL
    :param types: ``{column: type}``, for all of them: int4, float8, bool, date, numeric, varchar, text or jsonb.
        What is beyond 9.2e18 in a numeric column is kept as that.
    :param decimals: ``{numeric column: decimals}``, at most 8; 2 when left out
    :param texts: ``{column of texts: function}``, which makes of an array of what the frame has there for some rows a
        list of their texts, meanwhile, and never all at once; without: these are the texts
    """
    if frame.empty:
        return
    # Texts last: what is before them has the same size in all rows, but for NULLs.
    columns = sorted([frame.index.name, *frame.columns], key=lambda name: types[name] in _TEXTS)
    statement = SQL(
        "COPY %s (%s) FROM STDIN (FORMAT binary)",
        SQL.identifier(table),
        SQL(", ").join(map(SQL.identifier, columns)),
    )
    cr.copy_expert(statement.code, _Pieces(frame, columns, types, decimals or {}, texts or {}), size=1 << 22)


class _Pieces:
    """A frame as the bytes that COPY reads: a thread makes the next piece while PostgreSQL takes in the one before."""

    def __init__(self, frame, columns, types, decimals, texts):
        self.frame, self.columns, self.types, self.decimals, self.texts = frame, columns, types, decimals, texts
        self.pieces = self._make()
        self.left = b""

    def read(self, size):  # pylint: disable=method-required-super
        while not self.left:
            piece = next(self.pieces, None)
            if piece is None:
                return b""
            pace.rest()
            self.left = memoryview(piece)
        head, self.left = self.left[:size], self.left[size:]
        return bytes(head)

    def _make(self):
        yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
        with ThreadPoolExecutor(1) as ahead:
            pieces = [self.frame.iloc[row : row + _PIECE] for row in range(0, len(self.frame), _PIECE)]
            waiting = ahead.submit(self._encode, pieces.pop(0))
            while waiting:
                piece, waiting = waiting.result(), pieces and ahead.submit(self._encode, pieces.pop(0))
                yield piece
        yield b"\xff\xff"

    def _encode(self, piece):
        values = {piece.index.name: piece.index.to_series(), **piece}
        fixed = [self._prepare(values[name], name) for name in self.columns if self.types[name] not in _TEXTS]
        layout = [("fields", ">i2")]
        for place, (_null, payload) in enumerate(fixed):
            layout += [(f"size{place}", ">i4"), (f"value{place}", payload.dtype)]
        rows = np.zeros(len(piece), dtype=layout)
        kept = np.ones((len(piece), rows.itemsize), dtype=bool)
        rows["fields"] = len(self.columns)
        for place, (null, payload) in enumerate(fixed):
            width, (_dtype, start) = payload.dtype.itemsize, rows.dtype.fields[f"value{place}"]
            rows[f"size{place}"] = np.where(null, -1, width)
            rows[f"value{place}"] = payload
            kept[null, start : start + width] = False
        heads = rows.view("u1").reshape(kept.shape)[kept].tobytes()
        texts = [self._prepare_text(values[name], name) for name in self.columns if self.types[name] in _TEXTS]
        if not texts:
            return heads
        ends = kept.sum(axis=1).cumsum().tolist()
        heads = [heads[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        return b"".join(chain.from_iterable(zip(heads, *texts, strict=True)))

    def _prepare_text(self, values, name):
        """Return the fields of a column of texts: the size of each, and the text."""
        if name in self.texts:
            texts = (_TEXTS[self.types[name]] + text.encode() for text in self.texts[name](values.to_numpy()))
            return [len(text).to_bytes(4, "big") + text for text in texts]
        codes, distinct = pd.factorize(values.to_numpy(dtype=object))  # NULL: -1, the last field
        texts = [_TEXTS[self.types[name]] + text.encode() for text in distinct]
        fields = [len(text).to_bytes(4, "big") + text for text in texts] + [b"\xff\xff\xff\xff"]
        return [fields[code] for code in codes.tolist()]

    def _prepare(self, values, name):
        """Return which values are NULL, and their bytes as an array of one dtype."""
        type_ = self.types[name]
        null = values.isna().to_numpy()
        if type_ == "date":
            days = values.to_numpy().astype("datetime64[D]") - np.datetime64(POSTGRES_EPOCH)
            payload = np.where(null, 0, days.astype("int64")).astype(">i4")
        elif type_ == "numeric":
            payload = _to_numeric(values.fillna(0).to_numpy(dtype="float64"), self.decimals.get(name, 2))
        else:
            payload = values.fillna(0).to_numpy().astype(_PAYLOADS[type_])
        return null, payload


def _to_numeric(values, decimals):
    size = np.minimum(np.abs(values), 9.2e18)
    unit = 10**decimals
    whole = np.floor(size)
    parts = np.rint((size - whole) * unit).astype("int64")
    whole = whole.astype("int64") + parts // unit
    before, after = -(-len(str(whole.max())) // _PLACES), -(-decimals // _PLACES)
    parts = parts % unit * 10 ** (_PLACES * after - decimals)
    result = np.zeros(len(values), dtype=[*_HEAD, ("digit", ">i2", (before + after,))])
    result["digits"], result["weight"], result["scale"] = before + after, before - 1, decimals
    result["sign"] = np.where(values < 0, 0x4000, 0)
    for place in reversed(range(before)):
        whole, result["digit"][:, place] = np.divmod(whole, 10**_PLACES)
    for place in reversed(range(before, before + after)):
        parts, result["digit"][:, place] = np.divmod(parts, 10**_PLACES)
    return result
