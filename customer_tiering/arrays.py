"""Arrays of numbers on their way to a browser, where ``static/src/arrays.js`` reads them."""

import base64

KINDS = {"Uint8": "u1", "Uint16": "<u2", "Int32": "<i4", "Float32": "<f4", "Float64": "<f8"}


def encode(values, kind=None):
    """Return the kind of an array, as JavaScript calls it, and its numbers as text: base64 of little-endian numbers.

    :param values: a numpy array
    :param kind: one of :data:`KINDS`; None: that of as few bytes as keep the numbers
    """
    if not kind:
        is_whole = len(values) and (values == values.round()).all()
        if is_whole and values.min() >= 0 and values.max() < 2**16:
            kind = "Uint16"
        else:
            kind = "Int32" if is_whole and abs(values).max() < 2**31 else "Float64"
    return [kind, base64.b64encode(values.astype(KINDS[kind]).tobytes()).decode()]
