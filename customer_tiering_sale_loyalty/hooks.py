from odoo.tools import SQL


def post_init_hook(env):
    """Value the orders that were confirmed before as those to come: else what was sold of gift cards and eWallets would
    look as if it had been cancelled."""
    _value_confirmed_orders(env, SQL("-"))


def uninstall_hook(env):
    """Value confirmed orders by their untaxed amount again."""
    _value_confirmed_orders(env, SQL("+"))


def _value_confirmed_orders(env, sign):
    env.flush_all()
    env.cr.execute(
        SQL(
            """
            UPDATE sale_order SET tiering_amount = tiering_amount %(sign)s advance.amount
              FROM (SELECT order_id, SUM(price_subtotal) AS amount FROM sale_order_line
                     WHERE product_id IN (%(products)s) GROUP BY 1) advance
             WHERE sale_order.id = advance.order_id AND tiering_amount IS NOT NULL
            """,
            sign=sign,
            products=env["customer.tiering.reader"]._get_advance_products(),
        )
    )
    env.invalidate_all()
