"""The peers that need Python packages of their own (requirements-bench.txt): ``own.py DATABASE WHAT FILE``.

All but the notebook start from the purchases that compare.py exported once: a CSV file, one row for each
confirmed order with an amount in the window, in the company's currency and on the company's day.
"""

import argparse
import datetime
import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas as pd
from clock import Clock

WINDOW_DAYS = 365
SCORES = {"recency": "recency_score", "order_count": "frequency_score", "amount": "monetary_score"}


def notebook(clock, as_of, options):
    """As the usual tutorials do it: everything into memory, rank, cut, and the table anew."""
    import sqlalchemy  # noqa: PLC0415

    engine = sqlalchemy.create_engine(f"postgresql+psycopg2:///{options.database}")
    queries = []
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *arguments: queries.append(1))
    with clock.measure(lambda: len(queries)):
        orders = pd.read_sql(
            "SELECT id, company_id, partner_id, date_order, amount_untaxed, currency_rate "
            "FROM sale_order WHERE state = 'sale'",
            engine,
        )
        partners = pd.read_sql("SELECT id AS partner_id, commercial_partner_id FROM res_partner", engine)
        orders = orders.merge(partners, on="partner_id")
        orders = orders[orders["date_order"] >= pd.Timestamp(as_of - datetime.timedelta(days=WINDOW_DAYS))]
        orders["amount"] = orders["amount_untaxed"] / orders["currency_rate"]
        rfm = orders.groupby(["commercial_partner_id", "company_id"]).agg(
            last=("date_order", "max"), order_count=("id", "count"), amount=("amount", "sum")
        )
        rfm["recency"] = (pd.Timestamp(as_of) - rfm["last"].dt.normalize()).dt.days
        for value, score in SCORES.items():
            ranks = rfm.groupby("company_id")[value].rank(method="first", ascending=value != "recency")
            rfm[score] = ranks.groupby("company_id").transform(lambda rank: pd.qcut(rank, 5, labels=False) + 1)
        rfm = rfm.drop(columns="last").rename_axis(["partner_id", "company_id"]).reset_index()
        rfm.to_sql("bench_notebook", engine, if_exists="replace", index=False)
    return rfm


def read_purchases(options):
    purchases = pd.read_csv(options.purchases, parse_dates=["day"])
    purchases["customer"] = purchases["company_id"] * 10_000_000_000 + purchases["partner_id"]
    return purchases


def split(frame):
    """The frame of peers that know no company: their customers are pairs of a company and a partner."""
    frame = frame.reset_index(names="customer")
    return frame.assign(partner_id=frame["customer"] % 10_000_000_000, company_id=frame["customer"] // 10_000_000_000)


def lifetimes(clock, as_of, options):
    from lifetimes.utils import summary_data_from_transaction_data  # noqa: PLC0415

    purchases = read_purchases(options)
    with clock.measure():
        summary = summary_data_from_transaction_data(
            purchases, "customer", "day", "amount", observation_period_end=as_of, include_first_transaction=True
        )
    # "recency" is the age at the last purchase, "monetary_value" the mean of a day
    return split(summary).assign(
        recency=lambda frame: (frame["T"] - frame["recency"]).astype(int),
        order_count=lambda frame: frame["frequency"].astype(int),
        amount=lambda frame: frame["monetary_value"],
    )


def pymc_marketing(clock, as_of, options):
    from pymc_marketing.clv.utils import rfm_summary  # noqa: PLC0415

    purchases = read_purchases(options)
    with clock.measure():
        summary = rfm_summary(
            purchases, "customer", "day", "amount", observation_period_end=as_of, include_first_transaction=True
        )
    summary = summary.set_index("customer_id") if "customer_id" in summary else summary
    return split(summary).assign(
        recency=lambda frame: frame["recency"].astype(int),
        order_count=lambda frame: frame["frequency"].astype(int),
        amount=lambda frame: frame["monetary_value"],
    )


def openretailscience(clock, as_of, options):
    import ibis  # noqa: PLC0415
    from openretailscience.segmentation.rfm import RFMSegmentation  # noqa: PLC0415

    duckdb = ibis.duckdb.connect()
    duckdb.con.execute(
        "CREATE TABLE purchases AS SELECT company_id, partner_id AS customer_id, order_id AS transaction_id, "
        "day AS transaction_date, amount AS unit_spend FROM read_csv(?)",
        [str(options.purchases)],
    )
    purchases = duckdb.table("purchases")
    companies = purchases.select("company_id").distinct().execute()["company_id"]
    frames = []
    with clock.measure():
        for company in companies:
            scored = RFMSegmentation(
                purchases.filter(purchases.company_id == int(company)), as_of, r_segments=5, f_segments=5, m_segments=5
            ).df
            frames.append(scored.reset_index().assign(company_id=company))
    columns = {"customer_id": "partner_id", "recency_days": "recency", "frequency": "order_count", "monetary": "amount"}
    scores = {f"{score[0]}_score": score for score in SCORES.values()}
    scored = pd.concat(frames).rename(columns={**columns, **scores})
    # ntile() counts from 0
    return scored.assign(**{score: scored[score] + 1 for score in SCORES.values()})


PEERS = {
    "pandas notebook": notebook,
    "lifetimes": lifetimes,
    "pymc-marketing": pymc_marketing,
    "openretailscience": openretailscience,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    parser.add_argument("what", choices=PEERS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--purchases", type=Path)
    parser.add_argument("--as-of", type=datetime.date.fromisoformat, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    clock = Clock()
    frame = PEERS[options.what](clock, options.as_of, options)
    options.file.write_text(json.dumps(clock.figures()), encoding="utf-8")
    columns = ["partner_id", "company_id", *SCORES, *SCORES.values()]
    frame.reindex(columns=columns).to_csv(options.result, index=False)


if __name__ == "__main__":
    main()
