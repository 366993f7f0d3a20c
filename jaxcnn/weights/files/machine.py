"""A stack machine for the pickles that `torch.save` writes: it makes plain values, calls nothing.

Python's own unpickler imports and calls what a file names, and reserves what a file announces: a
payload of nine bytes makes it take 768 MB. This machine knows only the operations that torch and
Python's pickler write for a checkpoint in protocols 2 to 5, in which every length is checked
against the bytes that are left, and it takes at most about 64 MB however it is driven.
The opcodes are documented in CPython's `Lib/pickletools.py`.
"""

import struct
from typing import Any, NoReturn

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.stand_ins import Builder, Opaque, set_items, storage
from jaxcnn.weights.files.tensors import Storage
from jaxcnn.weights.files.vocabulary import look_up

MAX_PROGRAM = 4 * 2**20
"""Bytes. The pickle of ResNet-152's weights takes 0.2 MB; the numbers themselves lie outside."""
MAX_STEPS = 500_000
"""Operations; each makes at most some 80 bytes. ResNet-152's weights take 35,000."""
MAX_MARKS = 1_000
PROTOCOLS = (2, 3, 4, 5)
STOP = ord(".")
LONG_INTEGER = Opaque("int")


class Machine:
    """Runs one pickle: `run` returns its value and keeps it, `at` is where the pickle ended."""

    def __init__(self, program: memoryview) -> None:
        self.program = program[:MAX_PROGRAM]
        self.is_cut = len(program) > MAX_PROGRAM
        self.at = 0
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        """The stacks under the open marks."""
        self.memo: list[Any] = []
        self.value: Any = None
        self.storages: dict[str, Storage] = {}
        """The storages that the pickle refers to."""

    def run(self) -> Any:
        """Return the value that the pickle describes."""
        try:
            self._protocol()
            for _ in range(MAX_STEPS):
                code = self._byte()
                if code == STOP:
                    self.value = self._result()
                    return self.value
                if code not in OPERATIONS:
                    self._fail(f"uses operation {code:#04x}, which torch.save never writes")
                method, *arguments = OPERATIONS[code]
                method(self, *arguments)
            self._fail(f"takes more than {MAX_STEPS:,} steps; save the state dict alone")
        except WeightsError as error:
            raise WeightsError(f"its pickle, at byte {self.at}, {error}") from None

    def take(self, count: int) -> memoryview:
        """Return the next bytes of the program."""
        end = self.at + count
        if end > len(self.program):
            cut = f", for a pickle may have {MAX_PROGRAM:,} bytes" if self.is_cut else ""
            self._fail(f"announces {count} bytes and has {len(self.program) - self.at} left{cut}")
        part = self.program[self.at : end]
        self.at = end
        return part

    def pop(self) -> Any:
        """Return the topmost value, never one from under a mark."""
        if not self.stack:
            self._fail("takes a value from an empty stack")
        return self.stack.pop()

    def _fail(self, reason: str) -> NoReturn:
        raise WeightsError(reason)

    def _byte(self) -> int:
        if self.at >= len(self.program):
            self._fail("ends without its last operation")
        self.at += 1
        return self.program[self.at - 1]

    def _protocol(self) -> None:
        code, version = self._byte(), self._byte()
        if code != 0x80 or version not in PROTOCOLS:
            self._fail(f"opens with {code:#04x} {version:#04x}, not with one of protocols 2 to 5")

    def _result(self) -> Any:
        if self.below or len(self.stack) != 1:
            self._fail("ends with other than one value on its stack")
        return self.stack[0]

    def push(self, value: Any) -> None:
        """Push a constant."""
        self.stack.append(value)

    def number(self, code: str) -> None:
        """Push a number of a fixed width."""
        self.push(self._unpack(code))

    def long(self) -> None:
        """Push an integer; one that 64 bits cannot hold is kept opaque (states of generators)."""
        data = self.take(self._byte())
        self.push(int.from_bytes(data, "little", signed=True) if len(data) <= 8 else LONG_INTEGER)

    def text(self, code: str, encoding: str) -> None:
        """Push a string."""
        data = self.take(self._unpack(code))
        try:
            self.push(str(data, encoding))
        except UnicodeDecodeError:
            self._fail("holds a text that is no UTF-8")

    def raw(self, code: str) -> None:
        """Push bytes."""
        self.push(bytes(self.take(self._unpack(code))))

    def frame(self) -> None:
        """Check the length of a frame, which says nothing else."""
        length = self._unpack("<Q")
        if length > len(self.program) - self.at:
            self._fail(f"announces a frame of {length} bytes, more than are left")

    def new(self, kind: type) -> None:
        """Push an empty container."""
        self.push(kind())

    def mark(self) -> None:
        """Open a mark."""
        if len(self.below) >= MAX_MARKS:
            self._fail(f"opens more than {MAX_MARKS} marks")
        self.below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        """Close the last mark and return the values above it."""
        if not self.below:
            self._fail("closes a mark that it did not open")
        items, self.stack = self.stack, self.below.pop()
        return items

    def tuple_of(self, count: int | None) -> None:
        """Push a tuple of the last `count` values, or of those above the mark."""
        items = [self.pop() for _ in range(count)][::-1] if count else self.since_mark()
        self.push(tuple(items))

    def append(self, single: bool) -> None:
        """Append one value, or those above the mark, to the list below."""
        items = [self.pop()] if single else self.since_mark()
        target = self._top()
        if type(target) is list:
            target.extend(items)
        elif not isinstance(target, Opaque):
            self._fail("appends to something that is no list")

    def set_item(self, single: bool) -> None:
        """Put one pair, or those above the mark, into the dict below."""
        items = [self.pop(), self.pop()][::-1] if single else self.since_mark()
        if len(items) % 2:
            self._fail("puts a key without a value into a dict")
        set_items(self._top(), items[::2], items[1::2])

    def add_items(self) -> None:
        """Drop the items of a set: sets are opaque."""
        self.since_mark()
        if not isinstance(self._top(), Opaque):
            self._fail("adds items to something that is no set")

    def frozen_set(self) -> None:
        """Push an opaque set."""
        self.since_mark()
        self.push(look_up("builtins.frozenset"))

    def put(self, code: str | None) -> None:
        """Remember the topmost value; picklers number what they remember without gaps."""
        index = len(self.memo) if code is None else self._unpack(code)
        if index > len(self.memo):
            self._fail(f"remembers a value as number {index} after {len(self.memo)} others")
        if index == len(self.memo):
            self.memo.append(self._top())
        else:
            self.memo[index] = self._top()

    def get(self, code: str) -> None:
        """Push a remembered value."""
        index = self._unpack(code)
        if index >= len(self.memo):
            self._fail(f"recalls value number {index} of {len(self.memo)}")
        self.push(self.memo[index])

    def named(self) -> None:
        """Push what stands for a name given as two lines of text."""
        module, name = self._line(), self._line()
        self.push(look_up(f"{module}.{name}"))

    def named_on_stack(self) -> None:
        """Push what stands for a name given as two strings on the stack."""
        name, module = self.pop(), self.pop()
        if type(name) is not str or type(module) is not str:
            self._fail("names a function by something that is no text")
        self.push(look_up(f"{module}.{name}"))

    def call(self, new: bool) -> None:
        """Replace a name and its arguments by the value that stands for the result."""
        arguments, function = self.pop(), self.pop()
        if type(arguments) is not tuple:
            self._fail("calls something with arguments that are no tuple")
        if isinstance(function, Builder) and not new:
            self.push(function(arguments))
        elif isinstance(function, Opaque):
            self.push(function)
        else:
            self._fail("calls something that is no function")

    def build(self) -> None:
        """Drop the attributes of an object, such as `_metadata` of a state dict."""
        self.pop()
        if type(self._top()) is not dict and not isinstance(self._top(), Opaque):
            self._fail("sets attributes of something that has none")

    def persistent(self) -> None:
        """Push the storage that an identifier means."""
        found = storage(self.pop())
        known = self.storages.setdefault(found.key, found)
        if known.nbytes != found.nbytes:
            self._fail(f"gives two sizes of storage {found.key[:80]!r}")
        self.push(found)

    def _top(self) -> Any:
        if not self.stack:
            self._fail("uses a value of an empty stack")
        return self.stack[-1]

    def _unpack(self, code: str) -> Any:
        return struct.unpack(code, self.take(struct.calcsize(code)))[0]

    def _line(self) -> str:
        rest = bytes(self.program[self.at : self.at + 200])
        line, end, _ = rest.partition(b"\n")
        if not end or not line.isascii():
            self._fail("names a function by something that is no line of text")
        self.at += len(line) + 1
        return line.decode()


M = Machine
OPERATIONS: dict[int, tuple[Any, ...]] = {
    ord("N"): (M.push, None),
    0x88: (M.push, True),
    0x89: (M.push, False),
    ord(")"): (M.push, ()),
    ord("}"): (M.new, dict),
    ord("]"): (M.new, list),
    0x8F: (M.push, look_up("builtins.set")),
    ord("J"): (M.number, "<i"),
    ord("K"): (M.number, "<B"),
    ord("M"): (M.number, "<H"),
    ord("G"): (M.number, ">d"),
    0x8A: (M.long,),
    ord("X"): (M.text, "<I", "utf-8"),
    0x8C: (M.text, "<B", "utf-8"),
    0x8D: (M.text, "<Q", "utf-8"),
    ord("U"): (M.text, "<B", "latin-1"),  # the str of Python 2
    ord("T"): (M.text, "<I", "latin-1"),
    ord("C"): (M.raw, "<B"),
    ord("B"): (M.raw, "<I"),
    0x8E: (M.raw, "<Q"),
    0x96: (M.raw, "<Q"),  # a bytearray
    0x95: (M.frame,),
    ord("("): (M.mark,),
    ord("t"): (M.tuple_of, None),
    0x85: (M.tuple_of, 1),
    0x86: (M.tuple_of, 2),
    0x87: (M.tuple_of, 3),
    ord("a"): (M.append, True),
    ord("e"): (M.append, False),
    ord("s"): (M.set_item, True),
    ord("u"): (M.set_item, False),
    0x90: (M.add_items,),
    0x91: (M.frozen_set,),
    ord("q"): (M.put, "<B"),
    ord("r"): (M.put, "<I"),
    0x94: (M.put, None),
    ord("h"): (M.get, "<B"),
    ord("j"): (M.get, "<I"),
    ord("c"): (M.named,),
    0x93: (M.named_on_stack,),
    ord("R"): (M.call, False),
    0x81: (M.call, True),
    ord("b"): (M.build,),
    ord("Q"): (M.persistent,),
}
"""Opcode -> method and its arguments. INST, OBJ, EXT, DUP, POP and others are refused."""
