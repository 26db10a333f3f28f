from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

from odoo.addons.customer_tiering import languages


def migrate(cr, version):
    """What is written once is read in every language.

    The names that companies started with get their translations. Before there were any, who worked in another language
    gave them their English text in that language, too.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    for table, columns in languages.DELIVERED.items():
        for column in columns:
            cr.execute(
                SQL(
                    """
                    UPDATE %(table)s
                       SET %(column)s = (SELECT jsonb_object_agg(key, value) FROM jsonb_each(%(column)s)
                                          WHERE key = 'en_US' OR value <> %(column)s -> 'en_US')
                     WHERE EXISTS (SELECT FROM jsonb_each(%(column)s)
                                    WHERE key <> 'en_US' AND value = %(column)s -> 'en_US')
                    """,
                    table=SQL.identifier(table),
                    column=SQL.identifier(column),
                )
            )
    # Results of simulations held the names of the tiers in the language of one person; they hold the tiers now.
    cr.execute(
        """
        UPDATE customer_tiering_simulation
           SET result = result || jsonb_build_object(
                   'rows', jsonb_path_query_array(result, '$.rows[*].id'),
                   'columns', jsonb_path_query_array(result, '$.columns[*].id'),
                   'empty', (SELECT COALESCE(jsonb_agg(tier -> 'id'), '[]')
                               FROM jsonb_array_elements(result -> 'columns') tier
                              WHERE result -> 'empty' ? (tier ->> 'name')))
         WHERE jsonb_typeof(result -> 'rows' -> 0) = 'object'
        """
    )
    env.invalidate_all(flush=False)
    languages.translate_delivered(env, languages.get_languages(env))
