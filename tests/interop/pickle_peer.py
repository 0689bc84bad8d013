"""The Python end of tests/interop/pickle.cpp: sends pickles, and checks what comes back.

Frames on stdin and stdout are four bytes of length and that many bytes. Run as
    pickle_peer.py random <seed> <count>     each frame sent is answered by a pickle of an equal object
    pickle_peer.py text <seed> <count>       each frame sent is answered by the repr of what it is
    pickle_peer.py keys <seed> <count>       each frame sent is a list, answered by a dict from each element to its index
    pickle_peer.py numpy                     each frame sent is an expression, answered by NumPy's pickles of it, protocols
                                             2 to 5; each of those is answered by a pickle of an equal array
    pickle_peer.py table                     frames come in pairs: an expression, and a pickle of what it is;
                                             each is answered by Python's pickles of it, by protocol
"""
import array
import collections
import datetime
import decimal
import fractions
import io
import math
import os
import pathlib
import pickle
import pickletools
import random
import struct
import sys
import unicodedata
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pickle_classes as classes  # noqa: E402  (importable under one name, as pickle wants it)


def read_frame():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        return None
    size, = struct.unpack('<I', head)
    body = sys.stdin.buffer.read(size)
    assert len(body) == size
    return body


def write_frame(body):
    sys.stdout.buffer.write(struct.pack('<I', len(body)) + body)
    sys.stdout.buffer.flush()


def well_formed(message):
    """pickletools raises for any instruction that is out of place."""
    pickletools.dis(message, io.StringIO())


class Maker:
    """Random objects, with shared references among them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.shared = []

    def text(self):
        alphabet = self.random.choice(['abc', 'aé\u4e2d\U0001f600', '\x00\n\'"\\', 'x\ud800y\udcff'])
        return ''.join(self.random.choices(alphabet, k=self.random.choice([0, 1, 5, 14, 15, 40, 300])))

    def integer(self):
        bits = self.random.choice([0, 1, 7, 8, 15, 16, 31, 32, 53, 62, 63, 64, 65, 127, 128, 1000, 2100])
        return self.random.choice([-1, 1]) * (2 ** bits + self.random.choice([-1, 0, 1]))

    def real(self):
        return self.random.choice([0.0, -0.0, 1.5, -2.5e300, 5e-324, math.inf, -math.inf, self.random.random()])

    def octets(self):
        return bytes(self.random.choices(range(256), k=self.random.choice([0, 1, 14, 15, 300])))

    def moment(self):
        zone = self.random.choice([None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=-7, minutes=30))])
        return datetime.datetime(self.random.randint(1, 9999), self.random.randint(1, 12), self.random.randint(1, 28),
                                 self.random.randint(0, 23), 59, 1, self.random.randint(0, 999999), zone)

    def scalar(self):
        return self.random.choice([
            lambda: None, lambda: self.random.random() < 0.5, self.integer, self.real, self.text, self.octets, self.moment,
            lambda: complex(self.real(), self.real()), lambda: decimal.Decimal(self.integer()) / 7,
            lambda: fractions.Fraction(self.integer(), 77), lambda: uuid.UUID(int=self.random.getrandbits(128)),
            lambda: datetime.timedelta(self.random.randint(-9999, 9999), 5, 6), lambda: datetime.date(2024, 2, 29),
            lambda: datetime.time(1, 2, 3, 4), lambda: range(self.random.randint(0, 9), 99, 3),
            lambda: pathlib.PurePosixPath('/a', self.random.choice('bcd')), lambda: classes.Color.RED,
            lambda: classes.Point(1, self.random.randint(0, 99)), lambda: classes.Text('x' * self.random.randint(0, 20)),
            lambda: classes.Number(self.integer()),
            lambda: self.random.choice([len, dict, classes.Plain, os.path.join, classes.Plain.Inner])])()

    def hashable(self, depth):
        if depth <= 0 or self.random.random() < 0.6:
            return self.scalar()
        return self.random.choice([
            lambda: tuple(self.hashable(depth - 1) for _ in range(self.random.randint(0, 4))),
            lambda: frozenset(self.hashable(depth - 1) for _ in range(self.random.randint(0, 4))),
            lambda: classes.Frozen(self.hashable(depth - 1))])()

    def items(self, depth):
        return [self.value(depth - 1) for _ in range(self.random.choice([0, 1, 2, 3, 4, 6]))]

    def pairs(self, depth):
        return [(self.hashable(depth - 1), self.value(depth - 1)) for _ in range(self.random.choice([0, 1, 2, 12]))]

    def value(self, depth):
        if self.shared and self.random.random() < 0.1:
            return self.random.choice(self.shared)
        if depth <= 0:
            return self.scalar()
        made = self.random.choice([
            self.scalar, lambda: self.hashable(depth), lambda: self.items(depth), lambda: tuple(self.items(depth)),
            lambda: dict(self.pairs(depth)), lambda: {self.hashable(depth - 1) for _ in range(4)},
            lambda: bytearray(self.octets()), lambda: slice(self.integer(), None, self.value(depth - 1)),
            lambda: array.array(self.random.choice('bBhHiIlLqQfd'), range(self.random.choice([0, 1, 50]))),
            lambda: collections.OrderedDict(self.pairs(depth)), lambda: collections.deque(self.items(depth), 100),
            lambda: collections.Counter('abracadabra'), lambda: collections.defaultdict(list, self.pairs(depth)),
            lambda: classes.Plain(self.value(depth - 1), self.value(depth - 1)), lambda: classes.Slots(self.value(depth - 1)),
            lambda: classes.Record(self.value(depth - 1), self.text()), lambda: classes.Stateful(self.value(depth - 1)),
            lambda: classes.Keywords(value=self.value(depth - 1)), lambda: classes.Items(self.items(depth)),
            lambda: classes.Mapping(self.pairs(depth)), lambda: classes.Members(self.hashable(depth - 1) for _ in range(3)),
            lambda: classes.Effect(self.value(depth - 1)), lambda: {}.keys().__class__,
            lambda: classes.Failure(self.text(), self.value(depth - 1))])()
        if self.random.random() < 0.3:
            self.shared.append(made)
        return made


class Plain(Maker):
    """Random objects whose text Python and C++ must agree on: builtin ones, and sets of one, whose order cannot differ."""

    def text(self):
        if self.random.random() < 0.5:
            return super().text()
        # Later than Unicode 3.2, Python's versions do not agree on what is printable.
        codes = [self.random.choice([self.random.randrange(0x3000), self.random.randrange(0x110000)]) for _ in range(20)]
        return ''.join(chr(code) for code in codes if unicodedata.ucd_3_2_0.category(chr(code)) != 'Cn')

    def real(self):
        if self.random.random() < 0.5:
            return super().real()
        return self.random.choice([
            lambda: struct.unpack('<d', self.random.getrandbits(64).to_bytes(8, 'little'))[0],
            lambda: self.random.randint(-10 ** 6, 10 ** 6) / 1000, lambda: float(self.random.randint(0, 10 ** 18)),
            lambda: 10.0 ** self.random.randint(-320, 308), lambda: float(self.integer() % 10 ** 300)])()

    def scalar(self):
        return self.random.choice([lambda: None, lambda: self.random.random() < 0.5, self.integer, self.real, self.text, self.octets,
                                   lambda: complex(self.real(), self.real()), lambda: ValueError(self.text(), self.real()),
                                   lambda: KeyError(self.integer())])()

    def key(self):
        return self.random.choice([self.integer, self.real, self.text, self.octets, lambda: (), lambda: (self.text(), self.real())])()

    def value(self, depth):
        if depth <= 0:
            return self.scalar()
        return self.random.choice([
            self.scalar, lambda: self.items(depth), lambda: tuple(self.items(depth)),
            lambda: {self.key(): item for item in self.items(depth)}, lambda: {self.key()}, lambda: frozenset([self.key()]),
            set, frozenset, lambda: bytearray(self.octets()), lambda: slice(self.value(depth - 1), None, self.integer()),
            lambda: array.array(self.random.choice('bBhHiIlLqQ'), range(self.random.choice([0, 1, 50]))),
            lambda: array.array(self.random.choice('fd'), [0.5, -0.0, math.inf, 1e10])])()


def check_texts(seed, count):
    for number in range(count):
        maker = Plain(seed * 1000003 + number)
        message = pickle.dumps(maker.value(maker.random.randint(0, 4)), maker.random.randint(2, pickle.HIGHEST_PROTOCOL))
        wanted = repr(pickle.loads(message))
        write_frame(message)
        got = read_frame().decode()
        at = len(os.path.commonprefix([got, wanted]))
        part = slice(max(at - 40, 0), at + 40)
        assert got == wanted, f'seed {seed}, number {number}, at {at}:\n{wanted[part]}\n{got[part]}'
    write_frame(b'')


def check_keys(seed, count):
    """Which keys are one: by the numbers around the powers of two, as int, float, bool, in tuples and sets."""
    for number in range(count):
        chosen = random.Random(seed * 1000003 + number)

        def near(power):
            whole = chosen.choice([-1, 1]) * 2 ** power + chosen.choice([-2, -1, 0, 1, 2])
            return chosen.choice([lambda: whole, lambda: float(whole), lambda: whole / 2, lambda: -float(whole)])()

        def key(depth):
            return chosen.choice([
                lambda: near(chosen.choice([0, 1, 31, 52, 53, 54, 62, 63, 64, 65, 100])),
                lambda: chosen.choice([True, False, None, 0, -0.0, 0.0, 1.0, 'a', b'a', '', b'', math.inf, -math.inf]),
                lambda: tuple(key(depth - 1) for _ in range(2)) if depth else 0,
                lambda: frozenset(key(depth - 1) for _ in range(2)) if depth else 1])()

        keys = [key(2) for _ in range(chosen.choice([3, 30, 300]))]
        wanted = {}
        for index, one in enumerate(keys):
            wanted[one] = index
        write_frame(pickle.dumps(keys))
        got = pickle.loads(read_frame())
        assert classes.same(got, wanted), f'seed {seed}, number {number}:\n{wanted!r}\n{got!r}'
    write_frame(b'')


def check_random(seed, count):
    for number in range(count):
        maker = Maker(seed * 1000003 + number)
        given = maker.value(maker.random.randint(0, 5))
        # Python's own way there and back is the measure: an instance of a subclass may have lost something already.
        protocol = maker.random.randint(2, pickle.HIGHEST_PROTOCOL)
        try:
            message = pickle.dumps(given, protocol)
        except Exception:  # what Python itself cannot send
            continue
        wanted = pickle.loads(message)
        write_frame(message)
        answer = read_frame()
        assert answer is not None, f'no answer to {given!r}'
        well_formed(answer)
        got = pickle.loads(answer)
        assert classes.same(got, wanted), f'seed {seed}, number {number}, protocol {protocol}:\n{wanted!r}\n{got!r}'
    write_frame(b'')
    special_cases()


def special_cases():
    """What == cannot show: identity and cycles."""
    shared = [1]
    for given, check in [
            ([shared, shared], lambda x: x[0] is x[1]),
            ({'a': shared, 'b': (shared,)}, lambda x: x['a'] is x['b'][0]),
            (classes.Plain(shared, shared), lambda x: x.first is x.second),
            (cycle_of(list), lambda x: x[0] is x),
            (cycle_of(dict), lambda x: x['me'] is x),
            (cycle_of(tuple), lambda x: x[0][0] is x),
            (cycle_of(classes.Plain), lambda x: x.first is x),
            (cycle_of(frozenset), lambda x: next(iter(x)).first is x),
            (cycle_of(None), lambda x: x[0]['up'] is x and x[1] is x[0]),
            ({math.nan: 1, float('nan'): 2}, lambda x: len(x) == 2),
            ({classes.Plain(1, 1): 'x', classes.Plain(1, 1): 'y'}, lambda x: sorted(x.values()) == ['x', 'y'])]:
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            write_frame(pickle.dumps(given, protocol))
            answer = read_frame()
            well_formed(answer)
            got = pickle.loads(answer)
            assert check(got), f'protocol {protocol}: {got!r} of {given!r}'
    write_frame(b'')


def cycle_of(kind):
    if kind is list:
        made = []
        made.append(made)
    elif kind is dict:
        made = {}
        made['me'] = made
    elif kind is tuple:
        made = ([],)
        made[0].append(made)
    elif kind is classes.Plain:
        made = classes.Plain(None, 1)
        made.first = made
    elif kind is frozenset:
        inner = classes.Plain(None, 2)
        made = frozenset([inner])
        inner.first = made
    else:
        child = {}
        made = [child, child]
        child['up'] = made
    return made


def check_table():
    names = {**globals(), 'Color': classes.Color, 'Account': classes.Account}
    while True:
        expression = read_frame()
        if not expression:
            return
        message = read_frame()
        well_formed(message)
        wanted = eval(expression.decode(), names)
        got = pickle.loads(message)
        assert type(got) is type(wanted) and classes.same(got, wanted), f'{expression.decode()}: got {got!r}'
        for protocol in range(0, pickle.HIGHEST_PROTOCOL + 1):
            write_frame(pickle.dumps(eval(expression.decode(), names), protocol))  # afresh: comparing leaves traces


def check_numpy():
    try:
        import numpy
    except ImportError:
        write_frame(b'')
        return
    write_frame(b'numpy')
    while True:
        expression = read_frame()
        if not expression:
            return
        wanted = eval(expression.decode(), {'numpy': numpy})
        for protocol in range(2, 6):
            write_frame(pickle.dumps(wanted, protocol))
            got = pickle.loads(read_frame())
            # NumPy reads its own big-endian arrays as native ones below protocol 5.
            same = got.dtype.newbyteorder('=') == wanted.dtype.newbyteorder('=') and got.shape == wanted.shape and (got == wanted).all()
            write_frame(b'same' if same else b'another')


if __name__ == '__main__':
    if sys.argv[1] == 'table':
        check_table()
    elif sys.argv[1] == 'numpy':
        check_numpy()
    else:
        {'random': check_random, 'text': check_texts, 'keys': check_keys}[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
