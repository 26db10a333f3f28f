"""What `bin/lint` says of translations: each of its complaints is seen, and a good translation has none."""

import check_translations
import polib
import pytest

VIEW = "model_terms:ir.ui.view,arch_db:customer_tiering.some_view"
SEGMENT = "model:customer.segment,name:customer_tiering.customer_segment_new"


@pytest.fixture(scope="module")
def glossary():
    return check_translations.read_glossary()


def complain(glossary, language, english, translation, place=VIEW, buttons=(), **values):
    term = polib.POEntry(msgid=english, msgstr=translation, occurrences=[(place, "0")], **values)
    return list(check_translations.check_term(term, language, glossary, buttons))


@pytest.mark.parametrize(
    ("language", "english", "translation"),
    [
        ("zh_CN", "%(number)s orders", "%(number)s 笔订单"),
        ("fr", "Discount (%)", "Remise (%)"),
        ("fr", "%(share)s%% of all: <b>many</b>", "%(share)s\u00a0%% de tous\u00a0: <b>beaucoup</b>"),
        ("de", 'Say “Hello” <i title="Hello"/>', '„Hallo“ sagen <i title="Hallo"/>'),
        ("es", "Segment", "Segmento"),
    ],
)
def test_a_good_translation(glossary, language, english, translation):
    assert complain(glossary, language, english, translation) == []


@pytest.mark.parametrize(
    ("language", "english", "translation", "complaint"),
    [
        ("es", "All", "", "not translated"),
        ("es", "All", "  ", "not translated"),
        ("de", "%(count)s orders", "%(number)s Aufträge", "other placeholders"),
        ("de", "%(share)s%% more", "%(share)s\u00a0% mehr", "other placeholders"),
        ("de", "Call {{ customer }}", "{{ kunde }} anrufen", "other placeholders"),
        ("de", "<b>Much</b>", "<i>Viel</i>", "other markup"),
        ("de", '<i class="fa"/>', '<i class="fb"/>', "other markup"),
        ("zh_CN", "All orders", "所有 订单", "space between Chinese"),
        ("zh_CN", "Orders: %(count)s", "订单:%(count)s", "half-width punctuation"),
        ("fr", "Orders: %(count)s", "Commandes : %(count)s", "no no-break space before"),
        ("fr", "Say “all”", "Dire «tout»", "no no-break space"),
        ("fr", "%(share)s%% more", "%(share)s %% de plus", "no no-break space before %"),
        ("de", "At most 30%", "Höchstens 30%", "no no-break space before %"),
        ("es", "%(share)s%% more", "%(share)s%% más", "no no-break space before %"),
        ("zh_CN", "%(share)s%% more", "多 %(share)s %%", "a space before %"),
        ("zh_CN", "Kilograms", "重量", "use 权重"),
        ("fr", "Call", "Relance", "use suivi"),
        ("de", "Call", "Mahnung", "use Nachfassen"),
        ("es", "Kept", "Bloqueado", "use fijado"),
        ("fr", "Steps of a playbook", "Étapes d'un playbook", "use scénario de suivi"),
        ("es", "The tier of all", "La categoría de todos", "does not say “nivel”"),
        ("de", "Scorecard", "Zeugnis", "is “Bewertungskarte” in the glossary"),
    ],
)
def test_a_bad_translation(glossary, language, english, translation, complaint):
    complaints = complain(glossary, language, english, translation)
    assert any(complaint in told for told in complaints), complaints


@pytest.mark.parametrize(
    ("english", "complaints"),
    [
        ("At most 30%, %(share)s%% of all (%)", []),
        ("At most 30 %.", ["has a space before %"]),
        ("%(share)s %% of all", ["has a space before %"]),
    ],
)
def test_english(english, complaints):
    assert list(check_translations.check_spelling(check_translations.get_plain(english), "en")) == complaints


def test_a_fuzzy_translation(glossary):
    assert complain(glossary, "es", "All", "Todos", flags=["fuzzy"]) == ["is fuzzy"]


def test_room_on_buttons_and_badges(glossary):
    text = "Alle Kunden noch einmal neu berechnen"
    assert complain(glossary, "de", "Compute", text) == []
    assert complain(glossary, "de", "Compute", text, buttons={"Compute"}) == [
        "is longer than 24 characters on a button"
    ]
    assert complain(glossary, "de", "Fresh", text, place=SEGMENT) == ["is longer than 18 characters on a badge"]


def test_loyalty_points_are_called_so_where_they_are_meant(glossary):
    assert complain(glossary, "zh_CN", "Points", "积分")
    assert not complain(glossary, "zh_CN", "Loyalty points", "会员积分")


@pytest.fixture
def addon(tmp_path, monkeypatch):
    """An addon with one term, translated into all languages, in a checkout of its own."""
    monkeypatch.setattr(check_translations, "ROOT", tmp_path)
    folder = tmp_path / "some_addon" / "i18n"
    folder.mkdir(parents=True)
    for name in ("some_addon.pot", "zh_CN.po", "fr.po", "de.po", "es.po"):
        catalogue = polib.POFile()
        catalogue.append(polib.POEntry(msgid="Yes", msgstr="" if name.endswith("t") else "是"))
        catalogue.save(str(folder / name))
    return folder


def test_a_complete_addon(glossary, addon):
    assert list(check_translations.check_addon("some_addon", glossary)) == []


def test_a_missing_language(glossary, addon):
    (addon / "de.po").unlink()
    assert list(check_translations.check_addon("some_addon", glossary)) == [
        "some_addon/i18n/de.po is missing. Run bin/i18n, and translate what it lists."
    ]


def test_a_missing_template(glossary, addon):
    (addon / "some_addon.pot").unlink()
    assert list(check_translations.check_addon("some_addon", glossary)) == ["some_addon has no template. Run bin/i18n."]


def test_obsolete_unknown_missing_and_double_terms(glossary, addon):
    path = addon / "de.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n\n'
        'msgid "No"\nmsgstr "Nein"\n\n'
        'msgid "No"\nmsgstr "Nein"\n\n'
        '#~ msgid "Old"\n#~ msgstr "Alt"\n'
    )
    told = "\n".join(check_translations.check_addon("some_addon", glossary))
    for complaint in (
        "'Old' is obsolete",
        "'No' is no term of the template",
        "'Yes' is missing",
        "'No' stands there twice",
    ):
        assert complaint in told
