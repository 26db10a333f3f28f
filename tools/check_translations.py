"""Check the translations of addons: ``check_translations.py ADDON...``.

Each addon has its template and the files of the four languages in ``i18n``, with the same terms, all translated. A
translation has the placeholders and the markup of its term, none of the words that ``glossary.yaml`` forbids in its
language, and the words that it asks for; buttons and badges are no longer than fits on them.
"""

import re
import sys
from collections import Counter
from pathlib import Path

import polib
import yaml
from lxml import etree

ROOT = Path(__file__).resolve().parent.parent
PLACEHOLDER = re.compile(r"%\(\w+\)[-+ #0]*\d*(?:\.\d+)?[a-z]|%%|%[sd]|\{\{.*?\}\}|(?<!\{)\{\w*\}")
TAG = re.compile(r"</?[a-z][^<>]*>")
# What is translated within a tag.
ATTRIBUTE = re.compile(r"\b(string|title|aria-label|placeholder|alt|data-tooltip|confirm|help)=\"[^\"]*\"")
HAN = "\u4e00-\u9fff"
NO_BREAK_BEFORE_PERCENT = (re.compile(r"[^\s%(„«]%(?=\W|$)|[\dX] %(?=\W|$)"), "has no no-break space before %")
NOTHING_BEFORE_PERCENT = (re.compile(r"[\dX]\s%(?=\W|$)"), "has a space before %")
# How each language is written: what is wrong, and what to do. Placeholders and tags are put as “X” before.
SPELLING = {
    "en": [NOTHING_BEFORE_PERCENT],
    "zh_CN": [
        NOTHING_BEFORE_PERCENT,
        (re.compile(f"[{HAN}] +[{HAN}]"), "has a space between Chinese characters"),
        (re.compile(f"[{HAN}X][,;:!?]|[{HAN}]\\(|\\)[{HAN}]"), "has half-width punctuation beside Chinese characters"),
    ],
    "fr": [
        (re.compile(r"(?<![\u00a0\u202f:;!?])[:;!?»](?=\s|$)"), "has no no-break space before : ; ! ? »"),
        (re.compile(r"«(?![\u00a0\u202f])"), "has no no-break space after «"),
        NO_BREAK_BEFORE_PERCENT,
    ],
    "de": [NO_BREAK_BEFORE_PERCENT],
    "es": [NO_BREAK_BEFORE_PERCENT],
}


def read_glossary():
    """Return the glossary with its regular expressions compiled."""
    glossary = yaml.safe_load((Path(__file__).parent / "glossary.yaml").read_text())
    for word in glossary["words"]:
        word["en"] = re.compile(word["en"])
    for banned in glossary["forbidden"]:
        banned["word"] = re.compile(banned["word"])
        banned["unless"] = re.compile(banned.get("unless", "(?!)"), re.IGNORECASE)
    return glossary


def find_buttons(addon):
    """Return the texts of buttons in views and in the components of the browser, but those that show a number."""
    texts = set()
    for path in [*addon.glob("*/*.xml"), *addon.glob("static/src/**/*.xml")]:
        for button in etree.parse(path).iter("button"):
            if "oe_stat_button" not in button.get("class", ""):
                inner = [text for element in button.iter(etree.Element) for text in (element.text, element.tail)]
                texts.update(normalise(text) for text in (button.get("string"), *inner) if text and text.strip())
    return texts


def normalise(text):
    return " ".join(text.split())


def get_markup(text):
    return Counter(ATTRIBUTE.sub(r'\1=""', tag) for tag in TAG.findall(text))


def get_visible(text):
    return normalise(TAG.sub("", text))


def get_plain(text):
    """Return the text with “X” for each placeholder and tag."""
    return TAG.sub("X", PLACEHOLDER.sub(lambda found: "%" if found[0] == "%%" else "X", text))


def check_spelling(plain, language):
    return (what for pattern, what in SPELLING[language] if pattern.search(plain))


def check_term(term, language, glossary, buttons):
    """Yield what is wrong with a translation, in words."""
    source, translation = term.msgid, term.msgstr
    if term.fuzzy:
        yield "is fuzzy"
    if not translation.strip():
        yield "is not translated"
        return
    if Counter(PLACEHOLDER.findall(source)) != Counter(PLACEHOLDER.findall(translation)):
        yield "has other placeholders"
    if get_markup(source) != get_markup(translation):
        yield "has other markup"
    plain = get_plain(translation)
    yield from check_spelling(plain, language)
    for banned in glossary["forbidden"]:
        if banned["language"] == language and not banned["unless"].search(source) and banned["word"].search(plain):
            yield f"has a word that the glossary forbids: use {banned['use']}"
    # Names of fields and values of attributes are no words.
    english = TAG.sub(" ", PLACEHOLDER.sub(" ", source))
    for word in glossary["words"]:
        if word["en"].search(english) and not re.search(word[language], translation, re.IGNORECASE):
            yield f"does not say “{word[language]}”, as the glossary does"
    exact = glossary["terms"].get(source.strip(), {}).get(language)
    if exact and translation.strip() != exact:
        yield f"is “{exact}” in the glossary"
    most = glossary["longest"]
    if normalise(source) in buttons and len(get_visible(translation)) > most["button"][language]:
        yield f"is longer than {most['button'][language]} characters on a button"
    is_badge = any(re.search(pattern, place) for place, _line in term.occurrences for pattern in glossary["badges"])
    if is_badge and len(get_visible(translation)) > most["badge"][language]:
        yield f"is longer than {most['badge'][language]} characters on a badge"


def check_addon(addon, glossary):
    """Yield the complaints about an addon's translations."""
    template = ROOT / addon / "i18n" / f"{addon}.pot"
    if not template.exists():
        yield f"{addon} has no template. Run bin/i18n."
        return
    wanted = {term.msgid for term in polib.pofile(str(template))}
    for text in sorted(wanted):
        for what in check_spelling(get_plain(text), "en"):
            yield f"{template.relative_to(ROOT)}: {normalise(text)[:80]!r} {what}"
    buttons = find_buttons(ROOT / addon)
    for language in glossary["longest"]["button"]:
        path = template.with_name(f"{language}.po")
        if not path.exists():
            yield f"{path.relative_to(ROOT)} is missing. Run bin/i18n, and translate what it lists."
            continue
        catalogue = polib.pofile(str(path))
        found = Counter(term.msgid for term in catalogue if not term.obsolete)
        complaints = [(term.msgid, "is obsolete") for term in catalogue.obsolete_entries()]
        complaints += [(text, "is no term of the template") for text in found.keys() - wanted]
        complaints += [(text, "is missing") for text in wanted - found.keys()]
        complaints += [(text, "stands there twice") for text, count in found.items() if count > 1]
        for term in catalogue:
            if not term.obsolete:
                complaints += [(term.msgid, what) for what in check_term(term, language, glossary, buttons)]
        for text, what in complaints:
            yield f"{path.relative_to(ROOT)}: {normalise(text)[:80]!r} {what}"


def main(addons):
    glossary = read_glossary()
    complaints = [complaint for addon in addons for complaint in check_addon(addon, glossary)]
    for complaint in complaints:
        print(complaint)
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
