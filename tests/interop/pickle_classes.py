"""Classes of every way in which Python lets itself be pickled; for pickle_peer.py."""
import array
import collections
import dataclasses
import enum
import math

Point = collections.namedtuple('Point', 'x y')


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Text(str):
    pass


class Number(int):
    pass


class Plain:
    class Inner:
        pass

    def __init__(self, first, second):
        self.first = first
        self.second = second


class Slots:
    __slots__ = ('value', 'unset')

    def __init__(self, value):
        self.value = value


@dataclasses.dataclass
class Record:
    value: object
    name: str


@dataclasses.dataclass
class Account:
    owner: str
    balance: float


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: object


class Stateful:
    def __init__(self, value):
        self.value = value

    def __getstate__(self):
        return (self.value, None)

    def __setstate__(self, state):
        self.value, _ = state


class Keywords:
    def __new__(cls, *, value=None):
        made = super().__new__(cls)
        made.value = value
        return made

    def __init__(self, value=None):
        self.value = value

    def __getnewargs_ex__(self):
        return (), {'value': None}


class Items(list):
    pass


class Mapping(dict):
    pass


class Members(set):
    pass


class Effect:
    """Restored by a function with an effect: the sixth value of __reduce__."""

    def __init__(self, value=None):
        self.value = value

    def __reduce__(self):
        return (Effect, (), [self.value], None, None, set_effect)


def set_effect(effect, state):
    effect.value, = state


class Failure(Exception):
    pass


def same(a, b, depth=0):
    """Equal, also where Python's == only knows identity; and of one type, and for floats with one sign."""
    if type(a) is not type(b) or depth > 100:
        return False
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b) or a != a and b != b
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(same(x, y, depth + 1) for x, y in zip(a, b)) and attributes(a, b, depth)
    if isinstance(a, dict):
        # In order, which dicts keep, so that keys need no hash of their own kind.
        return (len(a) == len(b) and attributes(a, b, depth) and
                all(same(k, m, depth + 1) and same(v, w, depth + 1) for (k, v), (m, w) in zip(a.items(), b.items())))
    if isinstance(a, (set, frozenset)):
        return len(a) == len(b) and all(any(same(x, y, depth + 1) for y in b) for x in a) and attributes(a, b, depth)
    if isinstance(a, slice):
        return same((a.start, a.stop, a.step), (b.start, b.stop, b.step), depth + 1)
    if isinstance(a, array.array):
        return a.typecode == b.typecode and a.tobytes() == b.tobytes()
    if isinstance(a, BaseException):
        return same(a.args, b.args, depth + 1) and same(a.__dict__, b.__dict__, depth + 1)
    if isinstance(a, Slots):
        return same(a.value, b.value, depth + 1)
    if type(a).__eq__ is object.__eq__ and hasattr(a, '__dict__') and not isinstance(a, (type, enum.Enum)) and not callable(a):
        return same(a.__dict__, b.__dict__, depth + 1)
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return same(a.__dict__, b.__dict__, depth + 1)
    return a == b


def attributes(a, b, depth):
    return same(getattr(a, '__dict__', None), getattr(b, '__dict__', None), depth + 1)
