"""Who is probably one customer, among many who look alike."""

import itertools
import random
from collections import defaultdict

import numpy as np
import pytest
from engine import checks
from engine.checks import Contact

CUSTOMERS, PLANTED = 20_000, 500


def words(text):
    return text.split()


# The first ones are the most frequent.
GIVEN = words("""
    Anna Peter Hans Maria Jörg Zoë Léa José Lucía Paul Emma Noah Olivia Liam Mia Jürgen Käthe Sören Chloé André Inès
    Carlos Elena Marco Giulia Ivan Olga Tom Kate Ben Ruth Ali Fatima Wei Jing Yuki Ken Amit Priya Björn Åsa Hanna
""")
START = words("""
    Me Mü Ba Be Bo Da De Do Fa Fi Ga Go Ha He Ho Ka Ke Kö La Le Lo Ma Na Ni Pa Pe Ra Re Ro Sa Se Schä Ta Wa Wi
""")
MIDDLE = ["", *words("ck ll mm nd ng rg rt ss tz ld rn")]
END = words("er ert el en e a mann stein berg feld hof bach wald dorf son sen ez ini ard ier eau ton ley ova ski")
TRADES = words(
    "Bau Handel Technik Logistik Service Design Foods Textiles Electronics Motors Garden Media Energy Pharma"
)
FORMS = ["GmbH", "AG", "Ltd", "SARL", "S.L.", "Inc.", "& Co. KG", "SAS", "B.V.", "Srl"]
LAND = (("DE", 49), ("FR", 33), ("ES", 34), ("AT", 43), ("GB", 44), ("US", 1))
PROVIDERS = ["gmail.com", "gmx.de", "orange.fr", "web.de", "outlook.com", "yahoo.co.uk", "qq.com", "hotmail.com"]
SURNAMES_ZH, GIVEN_ZH = "王李张刘陈杨赵黄周吴徐孙胡朱高林", "伟芳娜敏静丽强磊军洋勇艳杰涛明超秀霞平刚"


class World:
    """Customers such as companies have: persons and firms of several countries, some with little said about them,
    families with one phone, offices of one address, namesakes in one town."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice
        self.ids = itertools.count(1)
        self.contacts = [self._customer() for _ in range(CUSTOMERS - PLANTED)]
        self._crowd()
        self.real = defaultdict(set)
        originals = self.random.sample(self.contacts, PLANTED)
        copies = []
        for original in originals:
            copy = self._copy(original)
            self.real[original.customer].add(copy.customer)
            copies.append(copy)
        self.contacts += copies
        self.random.shuffle(self.contacts)

    def _chance(self, share):
        return self.random.random() < share

    def _digits(self, count):
        return str(self.random.randrange(10 ** (count - 1), 10**count))

    def _surname(self):
        return self._often(START) + self._often(MIDDLE) + self._often(END)

    def _often(self, some):
        """One of them, the first ones far more often than the last ones."""
        return some[int(len(some) * self.random.random() ** 2.5)]

    def _customer(self):
        country, code = self.pick(LAND)
        zip_ = str(10 + int(90 * self.random.random() ** 2.5)) + self._often(words("000 100 210 333 470 999"))
        if self._chance(0.1):
            name = self._often(SURNAMES_ZH) + self._often(GIVEN_ZH) + self._often(GIVEN_ZH)
            local, country, code, zip_ = "u" + self._digits(9), "CN", 86, self._digits(3) + "000"
        else:
            name = f"{self._often(GIVEN)} {self._surname()}"
            local = f"{checks.name_key(name) or name}.{self._digits(4)}".replace(" ", ".")
        is_company = self._chance(0.4)
        domain, vat = self.pick(PROVIDERS), None
        if is_company:
            name = f"{self._surname()} {self.pick(TRADES)} {self.pick(FORMS)}"
            domain = f"{checks.name_key(name).replace(' ', '-') or 'firm'}{self._digits(3)}.example"
            local = self.pick(["info", "office", "anna", "peter", "einkauf", "p.meier"])
            vat = self.pick([f"{country}{self._digits(9)}"] * 7 + ["/", "NA", None])
        email = f"{local}@{domain}" if self._chance(0.8) else self.pick([None, "", " ", "n/a"])
        phone = (
            f"+{code} {self._digits(3)} {self._digits(6)}"
            if self._chance(0.7)
            else self.pick([None, "", "-", "0000000"])
        )
        return Contact(next(self.ids), is_company, vat, email, phone, name, zip_, country, code)

    def _crowd(self):
        """Who shares something and is another one."""
        for place in range(0, 600, 2):  # families and offices with one phone
            one, other = self.contacts[place : place + 2]
            if self._chance(0.5):
                other = other._replace(name=f"{self._often(GIVEN)} {one.name.split()[-1]}")
            self.contacts[place + 1] = other._replace(phone=one.phone)
        for place in range(600, 800):  # a shop on a marketplace, one address for many
            self.contacts[place] = self.contacts[place]._replace(email="orders@shop.example", phone="+49 800 1234567")
        for place in range(800, 860):  # tenants of one house
            self.contacts[place] = self.contacts[place]._replace(zip=self.contacts[800].zip)

    def _copy(self, original):
        """The same customer once more, as somebody else has typed it."""
        ways = [way for way in (self._by_vat, self._by_email, self._by_phone, self._by_name) if way(original)]
        copy = self.pick(ways)(original) if ways and self._chance(0.98) else None
        if copy is None:  # nothing in common but the name: nobody can tell
            copy = original._replace(vat=None, email=None, phone=None, zip=None)
        return copy._replace(customer=next(self.ids))

    def _by_vat(self, one):
        if not checks.vat_key(one.vat):
            return None
        return one._replace(vat=f"{one.vat[:2].lower()} {one.vat[2:5]}.{one.vat[5:]}", email=None, phone=None, zip=None)

    def _by_email(self, one):
        if not checks.email_key(one.email):
            return None
        return one._replace(email=f" {one.email.upper()} ", name=one.name.split()[-1], vat=None, phone=None, zip="")

    def _by_phone(self, one):
        if not checks.phone_key(one.phone) or one.phone == "+49 800 1234567":
            return None
        national = one.phone.split(" ", 1)[1]
        phone = national if one.phone_code == 1 else f"0{national.replace(' ', '/')}"
        return one._replace(phone=phone, name=self._retype(one.name), email=None, vat=None, zip=None)

    def _by_name(self, one):
        return one._replace(name=self._retype(one.name), vat=None, email=None) if checks.name_key(one.name) else None

    def _retype(self, name):
        for accented, plain in (("ü", "ue"), ("ö", "oe"), ("ä", "ae"), ("é", "e"), ("í", "i"), ("Å", "A")):
            name = name.replace(accented, plain)
        words = name.split()
        return self.pick([name.upper(), ", ".join([words[-1], *words[:-1]]), f"{name} "])


def find(contacts):
    keys = checks.get_keys(contacts)
    shared, common = checks.find_shared(keys)
    names = {contact.customer: contact.name for contact in contacts}
    return checks.find_duplicates(shared, keys, names), common


def pairs_of(groups):
    return {pair for group in groups for pair in itertools.combinations(group.customers, 2)}


def test_500_duplicates_among_20_000_customers_are_found_and_few_others(capsys):
    world = World(seed=20)
    found, common = find(world.contacts)
    real = {(one, other) for one, others in world.real.items() for other in others}
    told = pairs_of(found)
    recall, precision = len(told & real) / len(real), len(told & real) / len(told)
    with capsys.disabled():
        print(
            f"\n{len(real)} duplicates among {len(world.contacts):,} customers: {len(told & real)} found "
            f"(recall {recall:.3f}), {len(told - real)} others named (precision {precision:.3f})"
        )
    assert (len(world.contacts), len(real)) == (CUSTOMERS, PLANTED)
    assert recall >= 0.95
    assert precision >= 0.95
    assert common >= 1  # the phone of the shop; its address is one of a department


def contact(id_, **values):
    return Contact(id_, *(dict.fromkeys(Contact._fields[1:]) | values).values())


def test_a_ring_is_one_group():
    ring = [
        contact(1, vat="DE123456789", email="a@x.example"),
        contact(2, email="a@x.example", phone="+49 30 1234567", name="Ann Smith"),
        contact(3, phone="004930 1234567", name="Smith, Ann", vat="DE 123456789"),
    ]
    assert find(ring)[0] == [checks.Group((1, 2, 3), ("vat", "email", "phone"))]


def test_100_000_with_one_address_prove_nothing():
    crowd = [
        contact(id_, email="all@x.example", phone="+49 30 1234567", name="Ann Smith", zip="1") for id_ in range(100_000)
    ]
    assert find(crowd) == ([], 2)


@pytest.mark.parametrize(
    "values",
    [
        {"vat": "/"},
        {"vat": "NA"},
        {"vat": ""},
        {"email": " "},
        {"email": "info@acme.example"},
        {"email": "na"},
        {"phone": "0"},
        {"name": "A", "zip": "10115"},
        {"name": "Ann Smith", "zip": ""},
        {"name": "Ann Smith", "zip": " -"},
        {"name": "", "zip": "10115"},
    ],
)
def test_what_stands_for_nothing_proves_nothing(values):
    assert find([contact(1, **values), contact(2, **values)]) == ([], 0)


def test_namesakes_are_two_where_other_things_differ():
    ann = {"name": "Ann Smith", "zip": "10115"}
    assert find([contact(1, **ann), contact(2, **ann)])[0] == [checks.Group((1, 2), ("name",))]
    assert find([contact(1, vat="DE123456789", **ann), contact(2, vat="DE987654321", **ann)])[0] == []
    one = contact(1, email="a@x.example", phone="+49 30 1234567", **ann)
    assert find([one, contact(2, email="b@x.example", phone="+49 30 7654321", **ann)])[0] == []
    assert len(find([one, contact(2, email="b@x.example", **ann)])[0]) == 1


def test_nobody_is_a_duplicate_among_nobody():
    assert find([]) == ([], 0)
    assert checks.find_persons(checks.get_keys([])) == []


def test_persons_of_a_firm():
    firm = contact(1, is_company=True, email="info@acme.example")
    persons = [contact(id_, email=f"p{id_}@acme.example") for id_ in range(2, 4)]
    assert checks.find_persons(checks.get_keys([firm, *persons])) == [(2, 1), (3, 1)]
    sister = firm._replace(customer=9)
    assert checks.find_persons(checks.get_keys([firm, sister, *persons])) == []
    provider = [contact(id_, email=f"p{id_}@acme.example") for id_ in range(2, 23)]  # 21 persons
    assert checks.find_persons(checks.get_keys([firm, *provider])) == []
    free = [firm._replace(email="acme@gmail.com"), contact(2, email="ann@gmail.com")]
    assert checks.find_persons(checks.get_keys(free)) == []


def test_one_customer_with_nine_tenths_of_the_amount_is_not_strange():
    buyer, money = np.repeat([0, 1], 6), np.array([90_000.0] * 6 + [10.0] * 6)
    assert checks.find_large(buyer, money, 2)[0].tolist() == []
    assert checks.find_large(np.zeros(0, int), np.zeros(0), 0)[0].tolist() == []
    assert checks.find_large(np.zeros(4, int), np.array([1.0, 1, 1, 999]), 1)[0].tolist() == []  # too few to say
