"""Texts that are written once and read by people in many languages.

What can be made when it is read is made then (see ``sentences``). Here is the rest: what a run or a replay noted, which
nobody could put together again later, and the names that every company starts with.
"""

from psycopg2.extras import Json

from odoo.tools import SQL

# The texts of the delivered policy that people may change, by table.
DELIVERED = {
    "customer_tiering_policy": ("name",),
    "customer_tier": ("name",),
    "customer_tiering_playbook": ("name",),
    "customer_tiering_playbook_step": ("summary", "note"),
}


def get_languages(env):
    """Return the codes of the languages that people can choose, first of all the one that stands for all others."""
    return ["en_US", *(code for code, _name in env["res.lang"].get_installed() if code != "en_US")]


def say(record, speak):
    """Return what ``speak(record)`` says in each language, ``{language: text}``."""
    return {lang: speak(record.with_context(lang=lang)) for lang in get_languages(record.env)}


def write(record, fname, texts):
    """Write a translated field in all languages.

    :param texts: ``{language: text, or False}``, as :func:`say` returns it
    """
    record.with_context(lang="en_US")[fname] = texts["en_US"]
    if texts["en_US"]:
        record.update_field_translations(fname, texts)


def translate_delivered(env, langs):
    """Translate what companies started with, into languages in which nobody has changed it.

    A text that somebody has changed in English is their own and stays as it is, in all languages.
    """
    langs = [lang for lang in langs if lang != "en_US" and lang in get_languages(env)]
    if not langs:
        return
    texts = {}
    english = _get_delivered(env, "en_US")
    for lang in langs:
        for source, text in zip(english, _get_delivered(env, lang), strict=True):
            texts.setdefault(source, {})[lang] = text
    env.flush_all()
    for table, columns in DELIVERED.items():
        for column in columns:
            env.cr.execute(
                SQL(
                    """
                    UPDATE %(table)s delivered
                       SET %(column)s = known.texts || delivered.%(column)s
                      FROM unnest(%(sources)s, %(texts)s::jsonb[]) known (source, texts)
                     WHERE delivered.%(column)s ->> 'en_US' = known.source
                       AND NOT delivered.%(column)s ?& %(langs)s
                    """,
                    table=SQL.identifier(table),
                    column=SQL.identifier(column),
                    sources=list(texts),
                    texts=[Json(known) for known in texts.values()],
                    langs=langs,
                )
            )
    env.invalidate_all(flush=False)


def _get_delivered(env, lang):
    """Return the texts of the delivered policy in a language, each time in the same order."""
    return list(_find_texts(env["customer.tiering.policy"].with_context(lang=lang)._get_default_values()))


def _find_texts(values):
    if isinstance(values, dict):
        values = values.values()
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list | tuple):
            yield from _find_texts(value)
