"""Data that would make tiers wrong: customers who are probably one, contacts in the wrong place, amounts beyond belief.

What contacts say of themselves is typed by people. It is compared by keys, in which the usual ways of writing the same
thing are the same. A key that proves nothing is none: what stands for "not known", an address of a department, of a
marketplace, or one letter.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

#: What customers have in common, in the order in which it is told; the domain of the e-mail address of a firm or a
#: person; and what tells namesakes apart.
KINDS = ("vat", "email", "phone", "name", "firm", "person", "words", "zip", "country")
VAT, EMAIL, PHONE, NAME, FIRM, PERSON, WORDS, ZIP, COUNTRY = KINDS
EVIDENCE = KINDS[:4]
#: What more customers than this share proves nothing.
MOST_SHARING = 5
#: So many persons, at most, have an address of one firm; of more it is a provider.
MOST_PERSONS = 20
#: So many customers of one group are listed.
MOST_LISTED = 10
#: An amount is beyond belief from so many times the customer's median on, of so many purchases at least.
TIMES, FEW_PURCHASES = 20, 5
#: Who has no salesperson is worth a look where this share of the customers has one.
MOSTLY = 0.9
#: No order was made before.
FIRST_DAY = np.datetime64("1990-01-01")
#: Words of whose letters this share is the same, in the same order, are similar.
SIMILAR = 0.8
#: A name is too frequent where so many namesakes are to be expected in a place.
MOST_NAMESAKES = 0.1


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DEPARTMENTS = _words("""
    accounting accounts admin administration bestellung billing buchhaltung commande compras compta contact contacto
    einkauf enquiries facture facturation facturacion hello info invoice invoices kein keine kontakt mail marketing na
    no-reply none noreply office order orders post purchase purchasing rechnung sales service shop support team test
    unknown ventas verkauf webmaster
""")
_MARKETPLACES = re.compile(r"(marketplace\.amazon|members\.ebay|.*\bmarketplace)\.")
# Providers of mail, by the first part of their domains.
_PROVIDERS = _words("""
    126 139 163 189 21cn aol bluewin email fastmail foxmail free freenet gmail gmx googlemail hotmail icloud laposte
    libero live mac mail me msn online orange outlook pm posteo proton protonmail qq rediffmail sfr sina sohu t-online
    telefonica terra wanadoo web yahoo yandex yeah ymail
""")
_LEGAL_FORMS = _words("""
    ag bv co company corp corporation ek eurl gbr gmbh inc kg kgaa limited llc ltd mbh nv ohg plc pte pty sa sarl sas
    sasu se sl slu spa srl ug und and et y
""")
_NO_WORDS = re.compile(r"[\W_]+")
_NO_DIGITS = re.compile(r"[^0-9]+")
_MORE = re.compile("[,;]")
_EXTENSION = re.compile("[a-zA-Z]")
_LEGAL_ENDS = ("股份有限公司", "有限责任公司", "有限公司")


class Contact(NamedTuple):
    """What a customer's own contact says, as it was typed; None or "": nothing."""

    customer: int  # id
    is_company: bool | None
    vat: str | None
    email: str | None
    phone: str | None
    name: str | None
    zip: str | None
    country: str | None  # two letters
    phone_code: int | None  # of the country


class Keys(NamedTuple):
    """Three arrays of the same length, a row for each key of a customer."""

    customer: np.ndarray  # id, int64
    kind: np.ndarray  # place in `KINDS`, int8
    key: np.ndarray  # int64, the same for what is the same


class Group(NamedTuple):
    """Customers who are probably one."""

    customers: tuple[int, ...]  # ids, ascending, at least two
    evidence: tuple[str, ...]  # of `EVIDENCE`


# ----------------------------------------------------------------------
# Keys
# ----------------------------------------------------------------------


def vat_key(vat: str | None, country: str | None = None) -> str:
    """A VAT number with its country; "": none.

    >>> vat_key("DE 123.456.789"), vat_key("123456789", "DE"), vat_key("esB12345674")
    ('DE123456789', 'DE123456789', 'ESB12345674')
    >>> [vat_key(vat) for vat in ("/", "NA", "", None, "00000000", "DE1")]
    ['', '', '', '', '', '']
    """
    text = _NO_WORDS.sub("", vat or "").upper()
    digits = _NO_DIGITS.sub("", text)
    if len(digits) < 4 or len(set(digits)) == 1:
        return ""
    return text if text[:2].isalpha() else (country or "").upper() + text


def email_key(email: str | None) -> str:
    """An e-mail address of one person; "": none, or one of a department or a marketplace.

    >>> email_key(" Ann.Smith@Example.COM "), email_key('"Ann" <ann@example.com>'), email_key("ann @example.com")
    ('ann.smith@example.com', 'ann@example.com', 'ann@example.com')
    >>> [email_key(email) for email in ("info@example.com", "x7@marketplace.amazon.de", "ann@", "@", "", None)]
    ['', '', '', '', '', '']
    """
    local, domain = _split_email(email)
    return f"{local}@{domain}" if domain and local not in _DEPARTMENTS and not _MARKETPLACES.match(domain) else ""


def domain_key(email: str | None) -> str:
    """The domain of an e-mail address; "": none, or that of a provider, where anybody may have one.

    >>> domain_key("ann@Acme.example"), domain_key("ann@gmail.com"), domain_key("ann@yahoo.co.uk")
    ('acme.example', '', '')
    >>> domain_key("x7@marketplace.amazon.de"), domain_key(None)
    ('', '')
    """
    _local, domain = _split_email(email)
    return "" if domain.split(".")[0] in _PROVIDERS or _MARKETPLACES.match(domain) else domain


def _split_email(email: str | None) -> tuple[str, str]:
    text = email or ""
    if "<" in text:
        text = text.partition("<")[2].partition(">")[0]
    text = "".join(text.split()).casefold()
    local, at, domain = _MORE.split(text, maxsplit=1)[0].rpartition("@")
    return (local, domain) if at and local and "." in domain.strip(".") else ("", "")


def phone_key(phone: str | None, phone_code: int | None = None) -> str:
    """A phone number with the code of its country; "": none.

    >>> phone_key("+49 (0)30 123456"), phone_key("0049 30/123456"), phone_key("030 123456", 49)
    ('4930123456', '4930123456', '4930123456')
    >>> phone_key("+1 (212) 555-0100 ext. 7"), phone_key("212 555 0100", 1), phone_key("1 212 555 0100", 1)
    ('12125550100', '12125550100', '12125550100')
    >>> [phone_key(phone) for phone in ("0000000000", "-", "110", "", None)]
    ['', '', '', '', '']
    """
    text = _EXTENSION.split((phone or "").strip().replace("(0)", ""), maxsplit=1)[0]
    digits = _NO_DIGITS.sub("", text)
    if len(digits) < 7 or len(set(digits)) == 1:
        return ""
    code = str(phone_code or "")
    if text.startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    national = digits.lstrip("0")
    # A country whose numbers have no 0 in front may have its code written out.
    if code and national == digits and digits.startswith(code) and len(digits) > 10:
        return digits
    return code + national


def name_key(name: str | None) -> str:
    """The words of a name in alphabetical order, without accents and legal forms; "": none, or too short to tell.

    >>> name_key("Müller & Söhne GmbH"), name_key("SOEHNE, MUELLER"), name_key("Jörg  Weiß")
    ('muller sohne', 'muller sohne', 'jorg weiss')
    >>> name_key("上海大华有限公司"), name_key("王伟")
    ('上海大华', '王伟')
    >>> [name_key(name) for name in ("A", "Bob", "...", "", None)]
    ['', '', '', '', '']
    """
    text = (name or "").casefold()
    if not text.isascii():
        text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
        for end in _LEGAL_ENDS:
            text = text.replace(end, " ")
    for umlaut in ("ae", "oe", "ue"):
        text = text.replace(umlaut, umlaut[0])
    words = _NO_WORDS.sub(" ", text.replace(".", "")).split()
    key = " ".join(sorted(word for word in words if word not in _LEGAL_FORMS))
    return key if len(key.replace(" ", "").encode()) >= 5 else ""  # five letters, or two characters


def is_similar(name: str, other: str) -> bool:
    """Whether two names, as `name_key` returns them, may be those of one customer: each word of the shorter one is
    similar to one of the other, or its first letter.

    >>> is_similar("anna schmidt", "ana schmidt"), is_similar("anna meier schmidt", "a schmidt")
    (True, True)
    >>> is_similar("anna schmidt", "peter schmidt"), is_similar("", "anna schmidt")
    (False, False)
    """
    words, others = sorted((name.split(), other.split()), key=len)
    return bool(words) and all(any(_is_similar(word, one) for one in others) for word in words)


def _is_similar(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    if len(short) == 1:
        return long.startswith(short)
    return SequenceMatcher(None, short, long, autojunk=False).ratio() >= SIMILAR


def get_keys(contacts: Iterable[Contact]) -> Keys:
    """The keys of contacts.

    >>> found = get_keys([Contact(7, False, "/", "ann@acme.example", "110", "Ann Smith", "10115", "DE", 49)])
    >>> [KINDS[kind] for kind in found.kind]
    ['email', 'name', 'person', 'words', 'zip', 'country']
    """
    customers, kinds, keys = [], [], []
    for contact in contacts:
        for place, key in enumerate(_get_keys(contact)):
            if key:
                customers.append(contact.customer)
                kinds.append(place)
                keys.append(_digest(key))
    return Keys(np.array(customers, "int64"), np.array(kinds, "int8"), np.array(keys, "int64"))


def join(parts: Iterable[Keys]) -> Keys:
    """The keys of several calls of `get_keys` as one.

    >>> len(join([]).customer)
    0
    """
    columns = zip(get_keys(()), *parts, strict=True)
    return Keys(*(np.concatenate(column) for column in columns))


def _get_keys(contact: Contact) -> Iterator[str]:
    """The keys of a contact in the order of `KINDS`."""
    name, zip_ = name_key(contact.name), _NO_WORDS.sub("", contact.zip or "").upper()
    domain = domain_key(contact.email)
    yield vat_key(contact.vat, contact.country)
    yield email_key(contact.email)
    yield phone_key(contact.phone, contact.phone_code)
    yield f"{name}|{zip_}" if name and len(zip_) > 2 else ""
    yield domain if contact.is_company else ""
    yield "" if contact.is_company else domain
    yield name
    yield zip_
    yield (contact.country or "").upper()


def _digest(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


# ----------------------------------------------------------------------
# Who is one
# ----------------------------------------------------------------------


def find_shared(keys: Keys) -> tuple[dict[str, list[tuple[int, ...]]], int]:
    """Who shares a key.

    Returns
    -------
    shared : dict, for each of `EVIDENCE` the groups of ids, each ascending, of 2 to `MOST_SHARING` customers
    common : the number of keys that more customers share, which prove nothing

    >>> keys = Keys(np.array([3, 1, 2, *range(9)]), np.array([0, 0, 0, *[1] * 9]), np.array([5, 5, 6, *[7] * 9]))
    >>> shared, common = find_shared(keys)
    >>> shared["vat"], shared["email"], common
    ([(1, 3)], [], 1)
    """
    shared, common = {}, 0
    for place, kind in enumerate(EVIDENCE):
        groups = list(_group(keys, place))
        shared[kind] = [group for group in groups if len(group) <= MOST_SHARING]
        common += len(groups) - len(shared[kind])
    return shared, common


def _group(keys: Keys, place: int) -> Iterator[tuple[int, ...]]:
    """The customers of each key of a kind that at least two have; of more than a few only as many as that takes."""
    chosen = keys.kind == place
    customer, key = keys.customer[chosen], keys.key[chosen]
    order = np.lexsort((customer, key))
    customer, key = customer[order], key[order]
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.zeros(0, dtype=int)
    sizes = np.diff(np.append(starts, len(key)))
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        yield tuple(customer[start : start + min(size, MOST_PERSONS + 1)].tolist())


def find_duplicates(
    shared: Mapping[str, Collection[tuple[int, ...]]], keys: Keys, names: Mapping[int, str | None]
) -> list[Group]:
    """Who is probably one customer.

    The same VAT number or e-mail address is enough. The same phone number is if the names are similar: families and
    offices have one. The same name and postal code are, but for namesakes: unless the countries or the VAT numbers
    differ, or both the e-mail address and the phone number do, or the name is so frequent elsewhere that one more is to
    be expected in this place.

    Parameters
    ----------
    shared, keys : what `find_shared` returned, and what it was given
    names : id -> name as it was typed, at least of who shares a phone number

    Returns
    -------
    The groups, by the smallest id of each; one who is alike to two makes these one group, in a ring or a row.

    >>> contacts = [
    ...     Contact(1, False, None, "ann@x.example", "+49 30 123456", "Ann Smith", "10115", None, None),
    ...     Contact(2, False, None, "Ann@X.example", "+49 30 777777", "A. Smith", "20095", None, None),
    ...     Contact(3, False, None, None, "0049 30 777777", "Smith, A.", None, None, None),
    ...     Contact(4, False, None, None, "0049 30 777777", "Eve Brown", None, None, None),
    ... ]
    >>> keys = get_keys(contacts)
    >>> find_duplicates(find_shared(keys)[0], keys, {contact.customer: contact.name for contact in contacts})
    [Group(customers=(1, 2, 3), evidence=('email', 'phone'))]
    """
    sure = [(pair, kind) for kind in (VAT, EMAIL) for group in shared[kind] for pair in pairwise(group)]
    by_phone = [pair for group in shared[PHONE] for pair in _pairs(group)]
    folded = {id_: name_key(names.get(id_)) for pair in by_phone for id_ in pair}
    sure += [(pair, PHONE) for pair in by_phone if is_similar(*(folded[id_] for id_ in pair))]
    by_name = [pair for group in shared[NAME] for pair in _pairs(group)]
    known = _look_up(keys, {id_ for pair in by_name for id_ in pair})
    expect = _expect_namesakes(keys)
    sure += [
        (pair, NAME)
        for pair in by_name
        if not _are_namesakes(*(known[id_] for id_ in pair)) and expect(known[pair[0]]) <= MOST_NAMESAKES
    ]
    return _unite(sure)


def _pairs(group: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return ((one, other) for place, one in enumerate(group) for other in group[place + 1 :])


def _are_namesakes(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether something that is known of both says that they are two."""
    differing = {kind for kind in one.keys() & other.keys() if one[kind] != other[kind]}
    return bool(differing & {VAT, COUNTRY}) or {EMAIL, PHONE} <= differing


def _look_up(keys: Keys, customers: Collection[int]) -> dict[int, dict[str, int]]:
    """The key of each kind of these customers."""
    chosen = np.isin(keys.customer, np.array(sorted(customers), "int64"))
    known = defaultdict(dict)
    for customer, kind, key in zip(*(column[chosen].tolist() for column in keys), strict=True):
        known[customer][KINDS[kind]] = key
    return known


def _expect_namesakes(keys: Keys) -> Callable[[Mapping[str, int]], float]:
    """A function: how many with the name of a customer are to be expected in its place, by how many there are
    elsewhere; its parameter is what `_look_up` returned of the customer."""
    ordered = {kind: np.sort(keys.key[keys.kind == KINDS.index(kind)]) for kind in (WORDS, ZIP, NAME)}

    def expect(known):
        first, last = (
            {kind: int(np.searchsorted(ordered[kind], known[kind], side)) for kind in ordered}
            for side in ("left", "right")
        )
        size = {kind: last[kind] - first[kind] for kind in ordered}
        others = len(ordered[ZIP]) - size[ZIP]
        return (size[WORDS] - size[NAME]) * size[ZIP] / others if others else 0

    return expect


def _unite(links: Collection[tuple[tuple[int, int], str]]) -> list[Group]:
    """The groups that pairs make."""
    above = {}

    def find(customer):
        while above.setdefault(customer, customer) != customer:
            above[customer] = customer = above[above[customer]]
        return customer

    for (one, other), _kind in links:
        roots = find(one), find(other)
        above[max(roots)] = min(roots)
    members, evidence = defaultdict(list), defaultdict(set)
    for customer in sorted(above):
        members[find(customer)].append(customer)
    for (one, _other), kind in links:
        evidence[find(one)].add(kind)
    return [
        Group(tuple(members[root]), tuple(kind for kind in EVIDENCE if kind in evidence[root]))
        for root in sorted(members)
    ]


def find_kept(groups: Iterable[Collection[int]], settled: Mapping[str, Collection[int]]) -> dict[int, str]:
    """Which groups a person has judged already: all of whose customers are in a judged one.

    Parameters
    ----------
    groups : ids of the customers of each
    settled : key of a judged group -> ids of its customers

    Returns
    -------
    dict, place of a group -> key of the judged one

    >>> find_kept([(1, 2), (3, 4, 5), (6, 7)], {"a": (1, 2, 9), "b": (3, 4)})
    {0: 'a'}
    """
    of_customer = defaultdict(set)
    for key, customers in settled.items():
        for customer in customers:
            of_customer[customer].add(key)
    common = (set.intersection(*(of_customer.get(customer, set()) for customer in group)) for group in groups)
    return {place: min(keys) for place, keys in enumerate(common) if keys}


def find_persons(keys: Keys) -> list[tuple[int, int]]:
    """Persons with an e-mail address of a firm that is another customer.

    Returns
    -------
    ids of the person and the firm, ascending. Nobody where several firms share the domain, or more than `MOST_PERSONS`
    persons have an address in it.

    >>> person, firm = KINDS.index(PERSON), KINDS.index(FIRM)
    >>> keys = Keys(np.array([8, 9, 7, 5, 6, 4]), np.array([person, firm, person, firm, firm, person], "int8"),
    ...     np.array([1, 1, 2, 3, 3, 3]))
    >>> find_persons(keys)
    [(8, 9)]
    """
    of_firms, of_persons = (keys.kind == KINDS.index(kind) for kind in (FIRM, PERSON))
    domain, first, count = np.unique(keys.key[of_firms], return_index=True, return_counts=True)
    firms = keys.customer[of_firms][first]
    domain, firms = domain[count == 1], firms[count == 1]
    if not len(domain):
        return []
    person, key = keys.customer[of_persons], keys.key[of_persons]
    place = np.minimum(np.searchsorted(domain, key), len(domain) - 1)
    is_of_firm = domain[place] == key
    person, place = person[is_of_firm], place[is_of_firm]
    few = np.bincount(place, minlength=len(domain))[place] <= MOST_PERSONS
    return sorted(zip(person[few].tolist(), firms[place[few]].tolist(), strict=True))


# ----------------------------------------------------------------------
# What was bought
# ----------------------------------------------------------------------


def find_large(buyer: np.ndarray, money: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Purchases far beyond what the customer usually buys for.

    Parameters
    ----------
    buyer : place of the customer of each purchase, int, shape (n_purchases,)
    money : of the purchase, float64, above 0, same shape
    count : number of customers

    Returns
    -------
    places of the purchases that are worth more than `TIMES` times the customer's median, of at least `FEW_PURCHASES`
    purchases; and these medians, float64, of all customers, NaN: too few

    >>> places, medians = find_large(np.array([0] * 5 + [1] * 2), np.array([10.0, 10, 10, 10, 201, 1, 999]), 2)
    >>> places.tolist(), medians.tolist()
    ([4], [10.0, nan])
    """
    size = np.bincount(buyer, minlength=count)
    medians = pd.Series(money).groupby(buyer).median().reindex(np.arange(count)).to_numpy(dtype="float64", copy=True)
    medians[size < FEW_PURCHASES] = np.nan
    return np.flatnonzero(money > TIMES * medians[buyer]), medians
