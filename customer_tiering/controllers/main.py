import io
import json

import xlsxwriter
from werkzeug.exceptions import BadRequest

from odoo import http
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.http import content_disposition, request

from .. import filters

LINE_FIELDS = (
    "partner_id",
    "direction",
    "from_tier_id",
    "to_tier_id",
    "pending_date",
    "repriced",
    "score_before",
    "score_after",
    "revenue",
    "quotation_count",
    "quotation_amount",
    "user_id",
)
BATCH = 10_000
OPTIONS = {
    "in_memory": True,
    "constant_memory": True,  # there may be hundreds of thousands of customers
    "strings_to_formulas": False,  # the name of a customer is text, whatever it begins with
    "strings_to_urls": False,
}


class CustomerTieringController(http.Controller):
    @http.route("/customer_tiering/simulation/<int:policy_id>", type="http", auth="user", readonly=True)
    def simulation_export(self, policy_id):
        """Download a simulation as a workbook: the matrix, and the customers who would move."""
        policy = request.env["customer.tiering.policy"].browse(policy_id).exists()
        if not policy:
            raise request.not_found()
        simulation = policy._get_simulation()
        simulation.check_access("read")
        result = policy.simulation_result
        if not result and not policy.simulation_hint:
            raise request.not_found()
        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer, OPTIONS) as workbook:
            bold = workbook.add_format({"bold": True})
            money = self._add_money(workbook, policy.currency_id)
            if result:
                self._write_matrix(workbook.add_worksheet(request.env._("Matrix")), result, bold, money)
            date = workbook.add_format({"num_format": 14})  # as the reader writes dates
            self._write_lines(workbook.add_worksheet(request.env._("Customers")), simulation, bold, date, money)
        # sudo: of the result, which may count customers whom the person may not see, only the day
        as_of = simulation.sudo().result["as_of"]
        return request.make_response(
            buffer.getvalue(),
            headers=[
                ("Content-Type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                ("Content-Disposition", content_disposition(f"{policy.name} {as_of}.xlsx")),
            ],
        )

    def _add_money(self, workbook, currency):
        """Return the format of amounts: with the name of their currency, which nobody can read off a bare number."""
        decimals = "." + "0" * currency.decimal_places if currency.decimal_places else ""
        name = currency.name.replace('"', "")
        return workbook.add_format({"num_format": f'#,##0{decimals} "{name}"'})

    def _write_matrix(self, sheet, result, bold, money):
        columns = [column["name"] for column in result["columns"]]
        sheet.set_column(0, 0, 20)
        place = 0
        titles = {"customers": request.env._("Customers"), "revenue": request.env._("Revenue (12 Months)")}
        for key, title in titles.items():
            sheet.write_row(place, 0, [title, *columns], bold)
            for row, cells in zip(result["rows"], result["cells"], strict=True):
                place += 1
                amounts = money if key == "revenue" else None
                sheet.write_row(place, 0, [row["name"], *(cell[key] for cell in cells)], amounts)
            place += 2

    def _write_lines(self, sheet, simulation, bold, date, money):
        Line = request.env["customer.tiering.simulation.line"]
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, len(LINE_FIELDS), 16)
        sheet.write_row(0, 0, [Line._fields[fname]._description_string(request.env) for fname in LINE_FIELDS], bold)
        directions = dict(Line._fields["direction"]._description_selection(request.env))
        ids = Line.search([("simulation_id", "=", simulation.id)]).ids
        place = 0
        for start in range(0, len(ids), BATCH):
            for line in Line.browse(ids[start : start + BATCH]):
                place += 1
                for column, fname in enumerate(LINE_FIELDS):
                    value = line[fname]
                    if fname == "direction":
                        value = directions[value]
                    elif fname.endswith("_id"):
                        value = value.display_name
                    if fname == "pending_date" and value:
                        sheet.write_datetime(place, column, value, date)
                    else:
                        amounts = money if Line._fields[fname].type == "monetary" else None
                        sheet.write(place, column, value or ("" if value is False else value), amounts)
            Line.env.invalidate_all(flush=False)

    @http.route("/customer_tiering/table", type="http", auth="user", readonly=True)
    def table_export(self, ids="", domain="[]"):
        """Download the tiering table of the current company as a workbook: the customers, and what the columns mean.

        :param ids: of the only scorecards, with commas between; all that the person may see when left out
        :param domain: what the scorecards have in common, JSON
        """
        env = request.env
        cards = env["customer.tiering.scorecard"]
        cards.check_access("read")
        if not env.user.has_group("base.group_allow_export"):
            raise AccessError(env._("You may not export data. Ask your administrator for it."))
        try:
            domain = Domain("company_id", "=", env.company.id) & Domain(json.loads(domain))
            domain.validate(cards)
            is_usable = not filters.find_error(cards, domain)
        except filters.ERRORS:
            is_usable = False
        if not is_usable:
            raise BadRequest(env._("This filter of the list cannot be read."))
        if ids:
            chosen = [int(id_) for id_ in ids[:10_000].split(",") if id_.isdecimal() and len(id_) < 10]
            domain &= Domain("id", "in", chosen)
        fnames = cards._get_seen_table_fields()
        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer, OPTIONS) as workbook:
            bold = workbook.add_format({"bold": True})
            date = workbook.add_format({"num_format": 14})  # as the reader writes dates
            money = self._add_money(workbook, env.company.currency_id)
            customers = workbook.add_worksheet(env._("Customers"))
            self._write_table(customers, cards.search(domain), fnames, bold, date, money)
            meaning = workbook.add_worksheet(env._("Columns"))
            wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
            meaning.set_column(0, 0, 30)
            meaning.set_column(1, 1, 100)
            meaning.write_row(0, 0, [env._("Column"), env._("Meaning")], bold)
            for place, fname in enumerate(fnames, 1):
                field = cards._fields[fname]
                meaning.write_row(
                    place, 0, [field._description_string(env), field._description_help(env) or ""], wrapped
                )
        name = env._("Tiering Table %(company)s", company=env.company.name)
        return request.make_response(
            buffer.getvalue(),
            headers=[
                ("Content-Type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                ("Content-Disposition", content_disposition(f"{name}.xlsx")),
            ],
        )

    def _write_table(self, sheet, cards, fnames, bold, date, money):
        env = cards.env
        sheet.set_column(0, len(fnames) - 1, 16)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, [cards._fields[fname]._description_string(env) for fname in fnames], bold)
        choices = {
            fname: dict(cards._fields[fname]._description_selection(env))
            for fname in fnames
            if cards._fields[fname].type == "selection"
        }
        place, ids = 0, cards.ids
        for start in range(0, len(ids), BATCH):
            batch = cards.browse(ids[start : start + BATCH])
            unknown = batch._find_unknown(fnames)
            for card in batch:
                place += 1
                for column, fname in enumerate(fnames):
                    value = None if fname in unknown.get(card.id, ()) else card[fname]
                    if fname in choices:
                        value = choices[fname].get(value)
                    elif cards._fields[fname].type == "many2one":
                        value = value.display_name
                    if value and cards._fields[fname].type == "date":
                        sheet.write_datetime(place, column, value, date)
                    elif value is not None and value is not False:
                        sheet.write(place, column, value, money if cards._fields[fname].type == "monetary" else None)
            env.invalidate_all(flush=False)
