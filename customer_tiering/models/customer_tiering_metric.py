import re

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, clean_context, format_list, ormcache

from .. import engine, messages

# By the type of the contact's field: the unit, and whether it is read as days since.
UNIT_OF_TYPE = {
    "integer": "count",
    "float": "number",
    "monetary": "money",
    "boolean": "yes_no",
    "date": "days",
    "datetime": "days",
    "selection": "points",
}
# The usual limits of what people add, by unit.
BANDS_OF_UNIT = {
    "days": (30, 90, 180, 365),
    "count": (1, 3, 6, 12),
    "money": (0.5, 1, 2, 5),
    "percent": (20, 40, 60, 80),
    "points": (20, 40, 60, 80),
    "yes_no": (0.2, 0.4, 0.6, 0.8),
    "times": (0.5, 1, 2, 4),
    "number": (1, 2, 5, 10),
}
# Of the contact, but nothing that tells customers apart.
TECHNICAL_FIELDS = {
    *models.MAGIC_COLUMNS,
    *("calendar_last_notif_ack", "color", "date_localization", "message_bounce", "partner_latitude"),
    *("partner_longitude", "peppol_eas", "signup_type", "type"),
}
# What a metric is; of one that an app brings only the app may change it.
DEFINITION_FIELDS = {
    *("key", "origin", "field_id", "field_name", "value_ids", "unit", "direction", "column", "needed_columns"),
    *("part_column", "whole_column", "of_window", "ages", "after_order"),
}
TEXT_FIELDS = ("name", "text_one", "text_many", "deed")
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
NUMBER = "%(number)s"


class CustomerTieringMetric(models.Model):
    """What can be measured about a customer.

    A module adds one by a record in its data and, where none of the present ones brings the column, a source
    (see ``customer.tiering.reader``). A field of the scorecard that has the name of the column is filled by itself.
    """

    _name = "customer.tiering.metric"
    _inherit = ["customer.tiering.typed"]
    _description = "Customer Tiering Metric"
    _order = "sequence, id"
    _names_copies = True

    name = fields.Char(required=True, translate=True)
    key = fields.Char(
        readonly=True,
        required=True,
        copy=False,
        help="The name in rules, explanations and exports, which never changes.",
    )
    help = fields.Text(string="Meaning", translate=True, help="What it measures, in which unit, and what is better.")
    sequence = fields.Integer(default=1000)
    active = fields.Boolean(default=True, help="Archived, it is not offered any more; who uses it goes on.")
    origin = fields.Selection(
        [("field", "A field of the contact"), ("ratio", "A ratio of two numbers"), ("source", "An app")],
        string="Comes From",
        required=True,
        default="source",
    )
    app = fields.Char(compute="_compute_app", help="The app that brought the metric, and takes it along.")
    field_id = fields.Many2one(
        "ir.model.fields",
        ondelete="cascade",
        index="btree_not_null",
        readonly=True,
        help="The record of the field, with which the metric goes.",
    )
    field_name = fields.Selection(
        selection="_selection_field_name",
        string="Field of the Contact",
        compute="_compute_field_name",
        compute_sudo=True,  # the name may be seen by all, and be chosen by those who may see the field
        inverse="_inverse_field_name",
        help="A number, an amount, a yes or no, a date or a choice that is kept on the contact. The field of the "
        "company counts, not those of its contacts. What was never filled in is unknown; a yes or no is then no.",
    )
    field_type = fields.Selection(related="field_id.ttype", string="Kind of Field")
    value_ids = fields.One2many(
        "customer.tiering.metric.value",
        "metric_id",
        string="Points per Value",
        compute="_compute_value_ids",
        store=True,
        readonly=False,
        copy=True,
    )
    unit = fields.Selection(
        [
            ("days", "Days"),
            ("count", "Whole number"),
            ("money", "Amount of money"),
            ("percent", "Percent"),
            ("times", "Times"),
            ("points", "Points (0 to 100)"),
            ("yes_no", "Yes or no"),
            ("number", "Number"),
        ],
        required=True,
        compute="_compute_unit",
        store=True,
        readonly=False,
        precompute=True,
    )
    text_one = fields.Char(string="Text for 1", translate=True, help="How a customer's value of 1 reads, as “1 order”.")
    text_many = fields.Char(
        string="Text for Other Numbers",
        translate=True,
        help="How any other value reads, as “%(number)s orders”: the number stands where %(number)s is.",
    )
    deed = fields.Char(
        string="Reset By",
        translate=True,
        help="For days that start again: what somebody can do today, as “an order today”.",
    )
    direction = fields.Selection(
        [("higher", "More is better"), ("lower", "Less is better")], required=True, default="higher", string="Better"
    )
    unknown = fields.Selection(
        [("zero", "Counts as 0 points"), ("left_out", "Is left out; the other criteria share its weight")],
        string="If Not Known",
        required=True,
        default="zero",
        help="Proposed for new criteria. A customer without a value either has no points for it, or is judged by the "
        "other criteria alone.",
    )
    band_1 = fields.Float(
        "Limit 1", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_2 = fields.Float(
        "Limit 2", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_3 = fields.Float(
        "Limit 3", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_4 = fields.Float(
        "Limit 4", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_unit = fields.Selection(
        [("value", "The metric's own unit"), ("median_order", "Times the median order")],
        string="Limits In",
        compute="_compute_bands",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        help="Proposed for new criteria. For money, limits in multiples of your median order fit any currency and "
        "price level.",
    )

    motive_id = fields.Many2one(
        "customer.tiering.motive",
        string="Speaks For",
        ondelete="set null",
        index="btree_not_null",
        help="A large value speaks for this buying motive: it is proposed for customers with a larger value than most "
        "others have, where the policy proposes what matters.",
    )

    # For those who read and compute it
    column = fields.Char(
        compute="_compute_column",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        help="The column that has the value. A field of the scorecard with this name is filled by itself.",
    )
    needed_columns = fields.Char(help="The columns that are read only where the metric is used, with commas.")
    part_column = fields.Selection("_selection_column", string="Part", help="The number that is divided.")
    whole_column = fields.Selection(
        "_selection_column",
        string="Divided By",
        help="The number by which it is divided. Where it is not above 0, the metric is unknown.",
    )
    of_window = fields.Boolean(
        string="Of the Window",
        help="It adds up what was bought in the policy's window: customers who bought only before it have no points.",
    )
    ages = fields.Boolean(
        string="Passes by Itself", help="It counts the time since something, so it changes from day to day."
    )
    after_order = fields.Selection(
        [
            ("same", "The same"),
            ("one_more", "One more per order"),
            ("its_amount_more", "More by the amount of the order"),
            ("zero_again", "0 again"),
            ("unforeseen", "Not known in advance"),
        ],
        string="After an Order",
        required=True,
        compute="_compute_after_order",
        store=True,
        readonly=False,
        precompute=True,
        help="What an order placed today makes of it: by this the explanation knows which order leads to a tier.",
    )

    _key_uniq = models.UniqueIndex("(key)", "Another metric has this key already: choose a different one.")

    # ------------------------------------------------------------------
    # Computed fields
    # ------------------------------------------------------------------

    @api.depends_context("lang")
    def _compute_app(self):
        ids = self._get_external_ids()
        names = {name for of_metric in ids.values() for name in (id_.partition(".")[0] for id_ in of_metric)}
        # sudo: the list of apps is for administrators
        apps = self.env["ir.module.module"].sudo().search([("name", "in", list(names))])
        title = {app.name: app.shortdesc for app in apps}
        for metric in self:
            modules = (id_.partition(".")[0] for id_ in ids.get(metric._origin.id, ()))
            metric.app = next((title[module] for module in modules if module in title), False)

    @api.model
    def _selection_field_name(self):
        partners = self.env["res.partner"]
        labels = {
            name: field._description_string(self.env)
            for name, field in partners._fields.items()
            if field.store
            and field.type in UNIT_OF_TYPE
            and (self.env.su or name not in TECHNICAL_FIELDS)
            and partners._has_field_access(field, "read")
        }
        return sorted(((name, f"{label} ({name})") for name, label in labels.items()), key=lambda pair: pair[1])

    @api.model
    def _selection_column(self):
        """Return the numbers that can be divided: what sources bring and what follows, but no other ratio."""
        metrics = self.sudo().with_context(active_test=False).search([("origin", "!=", "ratio")])
        names = {metric.column: metric.with_env(self.env).name for metric in metrics}
        hidden = {metric.column for metric in metrics if not metric.with_env(self.env)._may_see()}
        card = self.env["customer.tiering.scorecard"]
        labels = {name: field._description_string(self.env) for name, field in card._fields.items()} | names
        columns = self.env["customer.tiering.reader"]._get_number_columns() - hidden
        pairs = ((name, f"{labels[name]} ({name})" if name in labels else name) for name in columns)
        return sorted(pairs, key=lambda pair: pair[1])

    @api.depends("field_id")
    def _compute_field_name(self):
        for metric in self:
            # sudo: managers may not read the records of fields
            metric.field_name = metric.sudo().field_id.name

    def _inverse_field_name(self):
        for metric in self:
            metric.field_id = self._get_field_id(metric.field_name)

    @api.model
    def _get_field_id(self, name):
        # sudo: as above
        return self.env["ir.model.fields"].sudo()._get("res.partner", name).id if name else False

    @api.depends("field_id")
    def _compute_unit(self):
        for metric in self:
            metric.unit = UNIT_OF_TYPE.get(metric.field_id.ttype) or metric.unit or "number"

    @api.depends("field_id")
    def _compute_value_ids(self):
        """List the values of a choice, evenly from 0 to 100 points in their order, until somebody says better."""
        for metric in self:
            metric.value_ids = False
        self._list_values()

    def _list_values(self):
        """List the values that the choices have now; those that were there keep their points."""
        for metric in self.filtered(lambda metric: metric.field_id.ttype == "selection"):
            values = metric.field_id.selection_ids.mapped("value")
            known = {line.value: line.points for line in metric.value_ids}
            if list(known) == values:
                continue
            steps = max(len(values) - 1, 1)
            metric.value_ids = [
                fields.Command.clear(),
                *(
                    fields.Command.create(
                        {"value": value, "sequence": place, "points": known.get(value, round(100 * place / steps, 2))}
                    )
                    for place, value in enumerate(values)
                ),
            ]

    @api.depends("unit")
    def _compute_bands(self):
        for metric in self:
            bands = BANDS_OF_UNIT.get(metric.unit, BANDS_OF_UNIT["number"])
            metric.band_1, metric.band_2, metric.band_3, metric.band_4 = bands
            metric.band_unit = "median_order" if metric.unit == "money" else "value"

    @api.depends("key", "origin")
    def _compute_column(self):
        for metric in self:
            metric.column = metric.column or metric.key

    @api.depends("origin")
    def _compute_after_order(self):
        for metric in self:
            metric.after_order = "same" if metric.origin == "field" else "unforeseen"

    @api.onchange("field_name")
    def _onchange_field_name(self):
        field = self.env["res.partner"]._fields.get(str(self.field_name))
        self.field_id = self._get_field_id(self.field_name)
        if field:
            self.name = self.name or field._description_string(self.env)
            self.ages = field.type in ("date", "datetime")
            self.direction = "lower" if self.ages else "higher"

    @api.onchange("origin")
    def _onchange_origin(self):
        if self.origin != "field":
            self.field_id = False
        if self.origin != "ratio":
            self.part_column = self.whole_column = False

    # ------------------------------------------------------------------
    # What a metric must be
    # ------------------------------------------------------------------

    @api.constrains("key", "column", "needed_columns", "part_column", "whole_column", "origin")
    def _check_names(self):
        for metric in self:
            names = [metric.key, metric.column, *metric._get_needed_columns()]
            names += [name for name in (metric.part_column, metric.whole_column) if name]
            for name in names:
                if not NAME.fullmatch(name or ""):
                    raise ValidationError(
                        self.env._(
                            "“%(name)s” cannot be the name of a column: use small letters, digits and underscores, and "
                            "begin with a letter.",
                            name=name,
                        )
                    )
            if metric.origin == "ratio" and not (metric.part_column or metric.whole_column):
                raise ValidationError(
                    self.env._("“%(metric)s” is a ratio: say which column is divided by which.", metric=metric.name)
                )

    @api.constrains("field_id", "origin")
    def _check_field_id(self):
        for metric in self.filtered(lambda metric: metric.origin != "field" and metric.field_id):
            raise ValidationError(
                self.env._("“%(metric)s” does not come from a field of the contact: choose none.", metric=metric.name)
            )
        for metric in self.filtered(lambda metric: metric.origin == "field"):
            field = self.env["res.partner"]._fields.get(metric.field_name)
            if not field or not field.store or field.type not in UNIT_OF_TYPE:
                raise ValidationError(
                    self.env._(
                        "“%(metric)s” needs a field of the contact that is kept: a number, an amount, a yes or no, "
                        "a date or a choice. Choose one.",
                        metric=metric.name,
                    )
                )
        self._check_may_see()

    @api.constrains("motive_id")
    def _check_motive_id(self):
        """Refuse that a person proposes by what is hidden from them: everybody sees what is proposed."""
        self.filtered("motive_id")._check_may_see()

    @api.constrains("text_one", "text_many")
    def _check_texts(self):
        for metric in self:
            for text in filter(None, (metric.text_one, metric.text_many)):
                if "%" in text.replace(NUMBER, ""):
                    raise ValidationError(
                        self.env._(
                            "“%(text)s”: the number stands where %(placeholder)s is, and there is no other “%%”.",
                            text=text,
                            placeholder=NUMBER,
                        )
                    )

    @api.constrains("key", "unit", "direction", "band_1", "band_2", "band_3", "band_4", "band_unit", "after_order")
    def _check_definition(self):
        for metric in self:
            try:
                metric._get_definition(with_bands=True)
            except engine.errors.RuleError as error:
                raise ValidationError(messages.get_sentence(self.env, error)) from error

    def _may_see(self):
        """Whether the person may see the fields behind this metric, if there are any."""
        self.ensure_one()
        behind = self._get_words().get(self.key, {}).get("fields") or filter(None, [self.sudo().field_id.name])
        return self._may_see_fields(behind)

    @api.model
    def _may_see_fields(self, fnames):
        """Whether the person may see these fields of contacts or of scorecards; those that are gone hide nothing."""
        # As the person, also where something is read with all rights for them.
        return all(
            model._has_field_access(model._fields[fname], "read")
            for model in (self.env["res.partner"].sudo(False), self.env["customer.tiering.scorecard"].sudo(False))
            for fname in fnames
            if fname in model._fields
        )

    def _check_may_see(self):
        """Refuse that a person scores by what is hidden from them: a run reads with all rights."""
        for metric in self:
            if not metric._may_see():
                fnames = metric._get_words().get(metric.key, {}).get("fields") or [metric.sudo().field_id.name]
                known = {**self.env["customer.tiering.scorecard"]._fields, **self.env["res.partner"]._fields}
                labels = [
                    known[fname]._description_string(self.env) for fname in fnames if not self._may_see_fields([fname])
                ]
                raise ValidationError(
                    self.env._(
                        "You may not see “%(field)s” of contacts, so you cannot score by it.",
                        field=format_list(self.env, labels),
                    )
                )

    def _check_definable(self, vals):
        """Refuse what only an app, which brings the code with it, may say of a metric."""
        if self.env.su:
            return
        if vals.get("origin", "field") == "source":
            raise UserError(
                self.env._(
                    "A metric that an app computes comes with the app. Choose a field of the contact or a ratio of two "
                    "numbers."
                )
            )
        for fname in ("key", "column", "needed_columns"):
            if vals.get(fname):
                raise UserError(
                    self.env._("“%(field)s” is set by itself: leave it empty.", field=self._fields[fname].string)
                )
        columns = {vals.get(fname) for fname in ("part_column", "whole_column")} - {None, False}
        unknown = columns - dict(self._selection_column()).keys()
        if unknown:
            raise UserError(
                self.env._(
                    "“%(column)s” is none of the numbers that can be divided. Choose one from the list.",
                    column=min(map(str, unknown)),
                )
            )

    def _check_may_redefine(self):
        """Refuse that a person changes what an app says, or what decides over the customers of other companies."""
        if self.env.su:
            return
        for metric in self.filtered("app"):
            raise UserError(
                self.env._(
                    "“%(metric)s” is computed by the app %(app)s, which says what it is. Change its name, meaning "
                    "or limits only, or add a metric of your own.",
                    metric=metric.name,
                    app=metric.app,
                )
            )
        for metric in self:
            if metric._get_policies().company_id - self.env.user.company_ids:
                raise UserError(
                    self.env._(
                        "“%(metric)s” is used by a policy of a company that is not yours. Add a metric of your own "
                        "instead.",
                        metric=metric.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_typed(vals)  # before the database is asked
            if not self.env.su:
                vals.setdefault("origin", self.env.context.get("default_origin", "source"))
            self._check_definable(vals)
        taken = set(self.with_context(active_test=False).sudo().search([]).mapped("key"))
        for vals in vals_list:
            if "field_name" in vals:
                vals["field_id"] = self._get_field_id(vals.pop("field_name"))
            if not vals.get("key"):
                vals["key"] = self._propose_key(vals, taken)
            elif vals["key"] in taken:  # before the database says so, which logs an error
                raise ValidationError(
                    self.env._("Another metric has the key “%(key)s” already: choose a different one.", key=vals["key"])
                )
            taken.add(vals["key"])
            if not vals.get("column"):
                vals.pop("column", None)
            if vals.get("field_id") and "ages" not in vals:
                field = self.env["ir.model.fields"].sudo().browse(vals["field_id"])
                vals["ages"] = field.ttype in ("date", "datetime")
        # What was refused above does not come back as a default of the client's context.
        env = self.env if self.env.su else self.env(context=clean_context(self.env.context))
        metrics = super(CustomerTieringMetric, self.with_env(env)).create(vals_list)
        self.env.registry.clear_cache()
        return metrics

    @api.model
    def _propose_key(self, vals, taken):
        field = self.env["ir.model.fields"].sudo().browse(vals.get("field_id") or [])
        letters = re.sub(r"[^a-z0-9]+", "_", (field.name or vals.get("name") or "").lower()).strip("_")
        base = f"{'field' if field else 'own'}_{letters}"[:50].rstrip("_")
        return next(
            key for number in range(len(taken) + 2) if (key := f"{base}_{number}" if number else base) not in taken
        )

    def write(self, vals):
        if "key" in vals and any(metric.key != vals["key"] for metric in self):
            raise UserError(self.env._("The key of a metric never changes, because rules and exports know it by it."))
        moved = self.filtered(
            lambda metric: (
                vals.get("origin", metric.origin) != metric.origin
                or vals.get("field_id", metric.field_id.id) != metric.field_id.id
            )
        )
        if moved:
            raise UserError(self.env._("A metric stays with what it measures. Add another one instead."))
        if vals.keys() & DEFINITION_FIELDS:
            self._check_may_redefine()
            self._check_definable({fname: value for fname, value in vals.items() if fname not in ("key", "origin")})
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for metric, vals in zip(self, vals_list, strict=True):
            vals.pop("column", None)  # one of its own
            if metric.origin == "source":
                vals["column"] = metric.column
        return vals_list

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for metric in self:
            if metric.app:
                raise UserError(
                    self.env._(
                        "“%(metric)s” belongs to the app %(app)s. Archive it, and it is not offered any more.",
                        metric=metric.name,
                        app=metric.app,
                    )
                )
            policies = metric._get_policies()
            if policies:
                raise UserError(
                    self.env._(
                        "“%(metric)s” is used by %(policies)s. Remove its criteria and conditions there first, or "
                        "archive the metric, and it is not offered any more.",
                        metric=metric.name,
                        policies=format_list(self.env, policies.mapped("name")),
                    )
                )

    def unlink(self):
        self.check_access("unlink")
        self._leave_policies()
        result = super().unlink()
        # PostgreSQL took criteria and conditions along.
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        return result

    def _check_columns(self):
        """Refuse ratios of what no source brings, as after an app was removed.

        :raises RuleError: 'no_column'
        """
        ratios = self.filtered(lambda metric: metric.origin == "ratio")
        known = self.env["customer.tiering.reader"]._get_number_columns() if ratios else ()
        for metric in ratios:
            for column in (metric.part_column, metric.whole_column):
                if column not in known:
                    raise engine.errors.RuleError("no_column", metric=metric.key, column=column)

    def _get_policies(self):
        """Return the policies that use one of these metrics, archived ones and simulations too."""
        # sudo: those of other companies count too
        env = self.sudo().with_context(active_test=False).env
        criteria = env["customer.tiering.criterion"].search([("metric_id", "in", self.ids)])
        conditions = env["customer.tier.condition"].search([("metric_id", "in", self.ids)])
        # Every policy knows its axes; those of another method do not use them.
        on_axes = Domain("axis_value_id", "in", self.ids) | Domain("axis_profit_id", "in", self.ids)
        named = Domain("basis_id", "in", self.ids) | Domain("shown_metric_ids", "in", self.ids)
        named |= Domain("method", "=", "two_axes") & on_axes
        named = env["customer.tiering.policy"].search(named)
        return criteria.policy_id | conditions.policy_id | named

    def _leave_policies(self):
        """Have the policies that use these metrics remember, and say, what they lose."""
        texts = self._get_texts()
        for metric in self:
            for policy in metric._get_policies():
                policy.lost_metrics = {**(policy.lost_metrics or {}), metric.key: texts[metric.key]["name"]}

    # ------------------------------------------------------------------
    # For rules, runs and explanations
    # ------------------------------------------------------------------

    def _get_needed_columns(self):
        self.ensure_one()
        return tuple(filter(None, (name.strip() for name in (self.needed_columns or "").split(","))))

    def _get_bands(self):
        self.ensure_one()
        return (self.band_1, self.band_2, self.band_3, self.band_4)

    def _get_definition(self, with_bands=False):
        """Return the engine's ``Metric``.

        :param with_bands: with the limits, which are otherwise only proposed for new criteria
        :raises RuleError: when it cannot be used
        """
        self.ensure_one()
        ratio = self.origin == "ratio"
        return engine.metrics.Metric(
            self.key,
            self.column,
            self.unit,
            self._get_bands() if with_bands else None,
            self.band_unit if with_bands else engine.metrics.VALUE,
            higher_is_better=self.direction == "higher",
            of_window=self.of_window,
            ages=self.ages,
            after_order=self.after_order,
            columns=(self.column,) if self.origin == "field" else self._get_needed_columns(),
            part=self.part_column if ratio else None,
            whole=self.whole_column if ratio else None,
            choices=tuple((line.value, line.points) for line in self.value_ids),
        )

    @api.model
    def _get_from_fields(self):
        """Return the metrics that are read from a field of the contact."""
        # sudo: read as a run does, for all who may compute
        return self.sudo().browse(self._get_ids_from_fields())

    @api.model
    @ormcache()
    def _get_ids_from_fields(self):
        return tuple(self.sudo().with_context(active_test=False).search([("origin", "=", "field")]).ids)

    @api.model
    def _get_behind_segments(self):
        """Return the metrics that the segments are made of, which every run computes."""
        return self.browse(self._get_ids_behind_segments())

    @api.model
    @ormcache()
    def _get_ids_behind_segments(self):
        keys = ("recency", "frequency", "monetary")
        return tuple(self.sudo().with_context(active_test=False).search([("key", "in", keys)]).ids)

    @api.model
    @ormcache("self.env.lang")
    def _get_words(self):
        """Return what all metrics are called, and how their values read, in the user's language.

        :return: ``{key: {"name", "text_one", "text_many", "deed", "fields"}}``; the last one is a list of the names
            of the fields behind the metric, see :meth:`_get_fields_behind`
        """
        # sudo: what a metric is called is no secret, and is kept for everybody
        metrics = self.sudo().with_context(active_test=False).search([])
        behind = metrics._get_fields_behind()
        return {
            metric.key: {**{fname: metric[fname] for fname in TEXT_FIELDS}, "fields": behind[metric.key]}
            for metric in metrics
        }

    def _get_fields_behind(self):
        """Return ``{key: names of fields}`` from which these metrics come, directly or divided: those of the contact,
        and those of the scorecard that are only for some people."""
        behind = {name: name for name, field in self.env["customer.tiering.scorecard"]._fields.items() if field.groups}
        behind |= {metric.column: metric.field_id.name for metric in self._get_from_fields()}
        return {
            metric.key: [behind[column] for column in metric._get_read_columns() if column in behind] for metric in self
        }

    def _get_read_columns(self):
        """Return the names of the columns from which this metric comes."""
        self.ensure_one()
        if self.origin == "field":
            return [self.column]
        return [*self._get_needed_columns(), *filter(None, (self.part_column, self.whole_column))]

    @api.model
    def _get_names(self):
        """Return ``{key: name in the user's language}`` of all metrics."""
        return {key: texts["name"] for key, texts in self._get_words().items()}

    def _get_texts(self):
        """Return what versions keep of these metrics: ``{key: {field: {language: text}, "fields": fields behind}}``."""
        self.flush_model(TEXT_FIELDS)
        rows = self.env.execute_query(
            SQL(
                "SELECT key, %s FROM customer_tiering_metric WHERE id = ANY(%s)",
                SQL(", ").join(map(SQL.identifier, TEXT_FIELDS)),
                self.ids,
            )
        )
        behind = self.sudo()._get_fields_behind()
        return {key: {**dict(zip(TEXT_FIELDS, texts, strict=True)), "fields": behind[key]} for key, *texts in rows}
