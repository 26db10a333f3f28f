"""Bring the translations of addons up to date: ``merge_translations.py [--check] DATABASE ADDON...``.

The templates are what Odoo exports from a database in which the addons are installed, without the times of the export,
so that they change with the texts only. Each language gets the terms of its template, with the translations that it
has. What no template has any more goes. It prints how many terms are translated, and those that are not.

With ``--check`` nothing is written, and it fails where a template of the repository is another one.
"""

import argparse
import io
import sys
from pathlib import Path

import polib

from odoo.api import SUPERUSER_ID, Environment
from odoo.modules.registry import Registry
from odoo.tools import config
from odoo.tools.translate import trans_export

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = {
    "zh_CN": "nplurals=1; plural=0;",
    "fr": "nplurals=2; plural=(n > 1);",
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
}
# What Odoo writes and differs from export to export, or says nothing.
VOLATILE = ("POT-Creation-Date", "PO-Revision-Date", "Last-Translator", "Language-Team")
# What other apps say about models that an addon extends: it is theirs, and there only where they are installed.
FOREIGN = ("model:ir.model,website_form_label:",)


def export_template(env, addon):
    """Return the template of an addon as it is kept, a ``polib.POFile``."""
    exported = io.BytesIO()
    trans_export(False, [addon], exported, "po", env)
    template = polib.pofile(exported.getvalue().decode())
    for name in VOLATILE:
        template.metadata.pop(name, None)
    for term in list(template):
        term.occurrences = [place for place in term.occurrences if not ":".join(place).startswith(FOREIGN)]
        if not term.occurrences:
            template.remove(term)
    return template


def translate(template, language, known):
    """Return the file of a language.

    :param template: a ``polib.POFile``
    :param language: as Odoo calls it, such as ``zh_CN``
    :param known: ``{msgid: msgstr}``
    """
    catalogue = polib.POFile()
    catalogue.header = template.header
    catalogue.metadata = {**template.metadata, "Language": language, "Plural-Forms": LANGUAGES[language]}
    for term in template:
        catalogue.append(
            polib.POEntry(
                msgid=term.msgid,
                msgstr=known.get(term.msgid, ""),
                comment=term.comment,
                occurrences=term.occurrences,
                flags=[flag for flag in term.flags if flag != "fuzzy"],
            )
        )
    return catalogue


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("database")
    parser.add_argument("addon", nargs="+")
    arguments = parser.parse_args()

    # Babel warns Odoo of what it will remove.
    options = ["-d", arguments.database, "--log-level=warn", "--log-handler=py.warnings:ERROR"]
    config.parse_config(options, setup_logging=True)
    with Registry(arguments.database).cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {})
        templates = {addon: export_template(env, addon) for addon in arguments.addon}
    if arguments.check:
        complaints = list(find_changed(templates))
    else:
        complaints = [line for addon, template in templates.items() for line in merge(addon, template)]
    for complaint in complaints:
        print(complaint)
    return bool(complaints)


def find_changed(templates):
    for addon, template in templates.items():
        kept = ROOT / addon / "i18n" / f"{addon}.pot"
        if not kept.exists() or kept.read_text() != str(template):
            yield f"{kept.relative_to(ROOT)} is not up to date. Run bin/i18n, and translate what it lists."


def merge(addon, template):
    """Write the files of an addon, and return what is not translated."""
    i18n = ROOT / addon / "i18n"
    i18n.mkdir(exist_ok=True)
    (i18n / f"{addon}.pot").write_text(str(template))
    missing = []
    for language in LANGUAGES:
        target = i18n / f"{language}.po"
        known = {entry.msgid: entry.msgstr for entry in polib.pofile(str(target))} if target.exists() else {}
        catalogue = translate(template, language, known)
        target.write_text(str(catalogue))
        missing += [f"Not translated: {addon} {language}: {term.msgid!r}" for term in catalogue if not term.msgstr]
    count = len(LANGUAGES) * len(template)
    print(f"{addon}: {count - len(missing)} of {len(LANGUAGES)} × {len(template)} terms translated")
    return missing


if __name__ == "__main__":
    sys.exit(main())
