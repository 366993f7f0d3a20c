"""Pickles in the place of a file's: what each is, its bytes, and a part of the message."""

from tests.weights.assemble import (
    MARK,
    NONE,
    PROTOCOL,
    call,
    dict_of,
    named,
    number,
    program,
    state,
    storage,
    tensor,
    text,
    tuple_of,
)

GOOD = state(tensor())
SHELL = call("os.system", text("touch pwned"))
STRING = b"U\x01x"
NOT_WRITTEN = "which torch.save never writes"
UNKNOWN = "which no file of weights needs"
NO_ARRAYS = "holds no arrays"


CALLS = {
    "os.system": (state(SHELL), UNKNOWN),
    "posix.system beside a good tensor": (
        program(dict_of((text("x"), tensor()), (text("y"), call("posix.system", text("id"))))),
        UNKNOWN,
    ),
    "builtins.eval": (state(call("builtins.eval", text("1+1"))), UNKNOWN),
    "__builtin__.exec of Python 2": (state(call("__builtin__.exec", text("1"))), UNKNOWN),
    "builtins.getattr": (state(call("builtins.getattr", NONE, text("x"))), UNKNOWN),
    "builtins.__import__": (state(call("builtins.__import__", text("os"))), UNKNOWN),
    "importlib.import_module": (state(call("importlib.import_module", text("os"))), UNKNOWN),
    "subprocess.Popen": (state(call("subprocess.Popen", text("id"))), UNKNOWN),
    "pickle.loads, a pickle in a pickle": (state(call("pickle.loads", text("x"))), UNKNOWN),
    "torch.load": (state(call("torch.load", text("/etc/passwd"))), UNKNOWN),
    "torch.hub.load": (state(call("torch.hub.load", text("a/b"))), UNKNOWN),
    "numpy's runstring": (state(call("numpy.testing._private.utils.runstring", NONE)), UNKNOWN),
    "a dotted name": (state(call("collections.OrderedDict.__init__", NONE)), UNKNOWN),
    "a name that only ends rightly": (state(call("evil.torch.FloatStorage")), UNKNOWN),
    "a call in the arguments of a tensor": (
        state(call("torch._utils._rebuild_tensor_v2", SHELL)),
        UNKNOWN,
    ),
    "a call as backward hooks": (
        state(call("torch._utils._rebuild_parameter", tensor(), b"\x88", SHELL)),
        UNKNOWN,
    ),
    "a call in the metadata": (
        program(dict_of((text("x"), tensor())), dict_of((text("_metadata"), SHELL)), b"b"),
        UNKNOWN,
    ),
    "STACK_GLOBAL": (program(text("os"), text("system"), b"\x93"), UNKNOWN),
    "STACK_GLOBAL of numbers": (program(b"K\1K\2\x93"), "no text"),
    "INST": (PROTOCOL + b"(ios\nsystem\n.", NOT_WRITTEN),
    "OBJ": (PROTOCOL + MARK + named("argparse.Namespace") + b"o.", NOT_WRITTEN),
    "NEWOBJ of a function": (
        program(named("torch._utils._rebuild_tensor_v2"), b")\x81"),
        "no func",
    ),
    "NEWOBJ_EX": (program(named("argparse.Namespace"), b")}\x92"), NOT_WRITTEN),
    "EXT1": (PROTOCOL + b"\x82\x01.", NOT_WRITTEN),
    "EXT2": (PROTOCOL + b"\x83\x01\x00.", NOT_WRITTEN),
    "EXT4": (PROTOCOL + b"\x84\x01\x00\x00\x00.", NOT_WRITTEN),
    "PERSID as text": (PROTOCOL + b"Pmodule\n.", NOT_WRITTEN),
    "REDUCE of a string": (program(text("os.system"), b")R"), "no function"),
    "REDUCE of a dict": (program(b"})R"), "no function"),
    "REDUCE without a tuple": (program(named("collections.OrderedDict"), b"]R"), "no tuple"),
    "BUILD on a tensor": (state(tensor() + b"}b"), "has none"),
    "BUILD on a function": (program(named("collections.OrderedDict"), b"}b"), "has none"),
    "the result of an opaque class": (state(call("argparse.Namespace", tensor())), NO_ARRAYS),
    "a name over 200 bytes": (program(b"c" + b"a" * 300 + b"\nb\n"), "no line of text"),
    "a name of other letters": (program("cös\nsystem\n".encode()), "no line of text"),
    "a name without end": (PROTOCOL + b"cos", "no line of text"),
    "_rebuild_from_type_v2 of itself": (
        state(
            call(
                "torch._tensor._rebuild_from_type_v2",
                named("torch._tensor._rebuild_from_type_v2"),
                named("torch.Tensor"),
                b")",
                NONE,
            )
        ),
        "as torch never does",
    ),
    "OrderedDict of an int": (program(call("collections.OrderedDict", b"K\1")), "that is none"),
    "a function with 100 arguments": (
        program(call("collections.OrderedDict", *[NONE] * 100)),
        "with 100 arguments",
    ),
}


def laughs(count: int) -> bytes:
    """Tuples of twice the tuple before: 2^count parts in a few bytes."""
    doublings = (bytes((0x68, i, 0x68, i, 0x86, 0x71, i + 1)) for i in range(count))
    return b")q\0" + b"".join(doublings)


STACK = {
    "POP": (PROTOCOL + b"N0.", NOT_WRITTEN),
    "POP_MARK": (PROTOCOL + b"(1N.", NOT_WRITTEN),
    "DUP": (PROTOCOL + b"N2.", NOT_WRITTEN),
    "an empty stack": (PROTOCOL + b".", "one value"),
    "two values": (PROTOCOL + b"NN.", "one value"),
    "an open mark": (PROTOCOL + b"(N.", "one value"),
    "a value from under a mark": (PROTOCOL + b"N(\x85.", "empty stack"),
    "a mark never opened": (PROTOCOL + b"Nt.", "did not open"),
    "APPEND to nothing": (PROTOCOL + b"Na.", "empty stack"),
    "APPENDS to a dict": (program(b"}(NNe"), "no list"),
    "SETITEMS on a tuple": (program(b")(NNu"), "where none can be"),
    "SETITEMS without a value": (program(b"}(NNNu"), "without a value"),
    "ADDITEMS to a list": (b"\x80\x04](N\x90.", "no set"),
    "a list as key": (program(b"}]Ns"), "no plain values"),
    "MEMOIZE of nothing": (b"\x80\x04\x94.", "empty stack"),
    "GET of nothing": (program(b"h\0"), "recalls value number 0 of 0"),
    "a memo of 4 billion entries": (program(b"Nr\xff\xff\xff\xff"), "remembers a value as number"),
    "the text opcodes of protocol 0": (b"(dp0\nS'x'\nI1\ns.", "not with one of protocols"),
    "no protocol": (b"}.", "not with one of protocols"),
    "protocol 6": (b"\x80\x06}.", "not with one of protocols"),
    "protocol 1": (b"\x80\x01}.", "not with one of protocols"),
    "the protocol twice": (program(PROTOCOL, GOOD[2:-1]), NOT_WRITTEN),
    "no STOP": (PROTOCOL + b"}", "ends without its last"),
    "no pickle": (b"", "ends without its last"),
    "something after STOP": (GOOD + SHELL, "followed by something"),
    "marks in marks": (PROTOCOL + MARK * 2000, "more than 1000 marks"),
    "a list in itself": (program(b"]q\0h\0a"), NO_ARRAYS),
    "tuples 200,000 deep": (program(b")", b"\x85" * 200_000), NO_ARRAYS),
    "deep tuples as key": (program(b"}", b")", b"\x85" * 100, b"Ns"), "no plain values"),
    "a billion laughs": (program(MARK, laughs(100), b"t"), NO_ARRAYS),
    "a billion laughs as key": (program(MARK, laughs(60), b"t}h\x3cNs\x86"), "no plain values"),
    "600,000 steps": (PROTOCOL + b"N" * 600_000, "more than 500,000 steps"),
    "500,000 dicts": (PROTOCOL + b"}" * 600_000, "more than 500,000 steps"),
    "500,000 lists, remembered": (PROTOCOL + b"]\x94" * 300_000, "more than 500,000 steps"),
    "more than 4 MB": (program(b"]", text("x" * (5 * 2**20)), b"a"), "may have 4,194,304 bytes"),
    "4 MB of wide letters": (
        program(b"]" + (text("\U0001f600" + "x" * 250) + b"a") * 16_000),
        NO_ARRAYS,
    ),
}

LENGTHS = {
    "BINUNICODE": (b"X\xff\xff\xff\xff", "announces 4294967295"),
    "BINUNICODE8": (b"\x8d" + b"\xff" * 8, "announces 18446744073709551615"),
    "SHORT_BINUNICODE": (b"\x8c\xff", "announces 255"),
    "BINBYTES": (b"B\xff\xff\xff\x7f", "announces 2147483647"),
    "BINBYTES8": (b"\x8e" + b"\xff" * 8, "announces 18446744073709551615"),
    "BYTEARRAY8": (b"\x96\0\0\0\0\0\1\0\0", "announces 1099511627776"),
    "BINSTRING": (b"T\xff\xff\xff\xff", "announces 4294967295"),
    "LONG1": (b"\x8a\xff", "announces 255"),
    "LONG4": (b"\x8b\xff\xff\xff\x7f", NOT_WRITTEN),
    "FRAME": (b"\x95" + b"\xff" * 8, "announces a frame"),
    "NEXT_BUFFER": (b"\x97", NOT_WRITTEN),
    "text that is no UTF-8": (b"X\1\0\0\0\xff.", "no UTF-8"),
}

TENSORS = {
    "a negative size": (tensor(shape=(-4,)), "no counts"),
    "a negative stride": (tensor(strides=(-1,)), "no counts"),
    "a negative offset": (tensor(offset=-1), "no counts"),
    "a text as size": (
        call(
            "torch._utils._rebuild_tensor_v2", storage(), number(0), tuple_of(STRING, b"K\4"), b")"
        ),
        "sizes and",
    ),
    "sizes that multiply a text": (
        call(
            "torch._utils._rebuild_tensor_v2",
            *(storage(), number(0), tuple_of(STRING, number(2**40)), tuple_of(b"K\1", b"K\1")),
        ),
        "no counts",
    ),
    "an offset beyond": (tensor(offset=1), "reaches element 4 of a storage that has 4"),
    "a stride beyond": (tensor(strides=(2,)), "reaches element 6"),
    "a size beyond": (tensor(shape=(5,)), "reaches element 4"),
    "an offset of 2^62": (tensor(offset=2**62), "of a storage that has 4"),
    "a stride of 2^62": (tensor(shape=(2, 4), strides=(2**62, 1)), "of a storage that has 4"),
    "2^60 elements by stride 0": (tensor(shape=(2**60,), strides=(0,)), "absurd shape"),
    "2^40 elements by stride 0": (tensor(shape=(2**40,), strides=(0,)), "again and again"),
    "an absurd empty shape": (tensor(shape=(0, 2**62), strides=(1, 1)), "absurd shape"),
    "more strides than sizes": (tensor(strides=(1, 1)), "1 sizes and 2 strides"),
    "40 axes": (tensor(shape=(1,) * 40, strides=(1,) * 40), "40 sizes"),
    "too few arguments": (call("torch._utils._rebuild_tensor_v2", storage()), "other values"),
    "a storage that is none": (
        call("torch._utils._rebuild_tensor_v2", NONE, number(0), b")", b")"),
        "other values",
    ),
    "a parameter of nothing": (call("torch._utils._rebuild_parameter"), "no tensor"),
    "a sparse tensor": (named("torch._utils._rebuild_sparse_tensor"), "to_dense"),
    "a storage in another record": (tensor(storage("../../etc/passwd")), "has no record"),
    "a storage named as the pickle": (tensor(storage("../data.pkl")), "has no record"),
    "a storage larger than its record": (tensor(storage(size=2**40)), "bytes in the archive"),
    "a storage smaller than its record": (tensor(storage(size=3), shape=(3,)), "in the archive"),
    "a storage of negative size": (tensor(storage(size=-4)), "no storage of tensors"),
    "a storage of another type": (tensor(storage(kind="torch.DoubleStorage")), "in the archive"),
    "a storage of an opaque type": (tensor(storage(kind="torch.Tensor")), "no storage"),
    "a part beyond its storage": (
        tensor(storage("0", 4, tuple_of(text("v"), number(3), number(2)))),
        "no storage of tensors",
    ),
    "two sizes of a storage": (tensor() + tensor(storage(size=8)) + b"\x86", "two sizes"),
    "a persistent module": (tuple_of(text("module"), NONE, NONE, NONE) + b"Q", "no storage"),
    "a persistent number": (b"K\1Q", "no storage"),
    "bools of 0x80": (tensor(storage(size=16, kind="torch.BoolStorage"), shape=(16,)), "neither 0"),
    "an untyped tensor": (
        tensor(storage(size=16, kind="torch.storage.UntypedStorage")),
        "for which there are no arrays",
    ),
}
