"""The loops of `near` and `delta`, compiled by Numba (extra `fast`). The same results as the NumPy ones there.

Loaded through `accelerate.kernels()` alone. Signatures are explicit, so everything is compiled when this module is
imported: some seconds once, then from Numba's cache beside the module or, where that folder is not writable, in
the user's cache folder (NUMBA_CACHE_DIR names another). Without any such folder each process compiles anew.
"""

from collections.abc import Callable
from typing import Any

import numba.core.cgutils
import numba.core.types
import numba.extending
import numpy as np

_numba: Any = numba  # what Numba makes of a function has not the type that it is written with
cgutils, types = _numba.core.cgutils, _numba.core.types
ir = cgutils.ir

LANES = 32  # sketches compared at once; `near` pads its rows so that reading past a bucket stays inside
PROBES = 16 * 17
AHEAD = 256  # sketches of a bucket that are asked for ahead; the processor sees to the rest of a larger one
HELD, PIECE = 1024, 512  # survivors of the sketch that are looked up together; sketches compared before that is seen
DAMAGED = -1

_BYTE = ir.IntType(8)


def _intrinsic(function: Callable[..., Any]) -> Any:
    return _numba.extending.intrinsic(function)


@_intrinsic
def _prefetch(context: Any, array: Any, at: Any) -> Any:  # noqa: ARG001 - Numba's signature
    """Ask for the cache line of `array[at]` of a flat array; reads nothing, so that any place is safe."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        held = context.make_array(kind)(context, builder, args[0])
        place = builder.bitcast(builder.gep(held.data, [args[1]]), _BYTE.as_pointer())
        number = ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), number, number, number])
        function = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@_intrinsic
def _ones(context: Any, word: Any) -> Any:  # noqa: ARG001
    """How many bits of a 64-bit word are set."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@_intrinsic
def _lowest(context: Any, word: Any) -> Any:  # noqa: ARG001
    """The number of the lowest bit set, of a word that has one."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


@_intrinsic
def _close(context: Any, array: Any, at: Any, sketch: Any, most: Any) -> Any:  # noqa: ARG001
    """One bit for each of the LANES sketches from `array[at]` on: set where `most` bits or fewer differ."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, args[0])
        lane, vector = ir.IntType(16), ir.VectorType(ir.IntType(16), LANES)
        place = builder.bitcast(builder.gep(held.data, [args[1]]), vector.as_pointer())
        loaded = builder.load(place)
        loaded.align = 2

        def spread(value: Any) -> Any:
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

        shape = ir.FunctionType(vector, [vector])
        count = cgutils.get_or_insert_function(builder.module, shape, f"llvm.ctpop.v{LANES}i16")
        differing = builder.call(count, [builder.xor(loaded, spread(args[2]))])
        close = builder.icmp_unsigned("<=", differing, spread(builder.trunc(args[3], lane)))
        return builder.zext(builder.bitcast(close, ir.IntType(LANES)), ir.IntType(64))

    return types.uint64(array, types.intp, types.uint16, types.uint64), codegen


def _compiled(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    def wrap(function: Callable[..., Any]) -> Any:
        options = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
        try:
            return _numba.njit(signature, cache=True, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            return _numba.njit(signature, **options)(function)

    return wrap


def _mapped(kind: Any) -> Any:
    return types.Array(kind, 1, "C", readonly=True)


_OFFSETS, _SKETCHES, _IDS = _mapped(types.uint32), _mapped(types.uint16), _mapped(types.uint32)
_WORDS, _UNITS = _mapped(types.uint64), _mapped(types.int64)
_ROWS, _BITS, _WORK = (types.Array(kind, 1, "C") for kind in (types.uint32, types.uint8, types.int64))


@_compiled(types.int64(_WORDS, types.int64, _WORDS, types.int64))
def _distance(words, row, queries, number):  # type: ignore[no-untyped-def]
    """Bits that differ between a row (four words of a flat array) and a query."""
    total, left, right = np.uint64(0), 4 * row, 4 * number
    for word in range(4):
        total += _ones(words[left + word] ^ queries[right + word])
    return np.int64(total)


@_compiled(types.boolean(_WORDS, types.int64, _WORDS, types.int64, _UNITS, types.int64))
def _found_before(words, row, queries, number, budgets, slot):  # type: ignore[no-untyped-def]
    """Whether a lower slot finds the row as well: each match is given by its lowest slot alone."""
    for half in range((slot >> 1) + 1):
        place = half >> 1
        differing = words[4 * row + place] ^ queries[4 * number + place]
        low = np.int64(_ones((differing >> np.uint64(32 * (half & 1))) & np.uint64(0xFFFF)))
        high = np.int64(_ones((differing >> np.uint64(32 * (half & 1) + 16)) & np.uint64(0xFFFF)))
        if low + high >= budgets[2 * half] + budgets[2 * half + 1]:
            continue
        if 2 * half < slot and low < budgets[2 * half]:
            return True
        if 2 * half + 1 < slot and high < budgets[2 * half + 1]:
            return True
    return False


@_compiled(
    types.int64(_IDS, _WORDS, _WORDS, types.int64, _UNITS, _WORK, _WORK, types.int64, _ROWS, _BITS, _ROWS, types.int64)
)
def _settle(  # type: ignore[no-untyped-def]
    ids, words, queries, number, budgets, held_at, held_slot, held, rows, bits, numbers, found
):
    """Compare the survivors in full and note those within the radius. Returns the new count of matches."""
    count, radius = words.shape[0] // 4, budgets.sum() - 1
    for one in range(held):
        row = np.int64(ids[held_at[one]])
        if row >= count:
            return DAMAGED
        held_at[one] = row
        _prefetch(words, 4 * row)
    for one in range(held):
        row = held_at[one]
        distance = _distance(words, row, queries, number)
        if distance > radius or _found_before(words, row, queries, number, budgets, held_slot[one]):
            continue
        if found < rows.shape[0]:
            rows[found], bits[found], numbers[found] = row, distance, number
        found += 1
    return found


@_compiled(types.int64(_OFFSETS, _WORDS, types.int64, _UNITS, _WORK, _WORK))
def _choose(offsets, queries, number, budgets, places, slots):  # type: ignore[no-untyped-def]
    """The buckets to probe for a query, asked for ahead: places in `offsets`, and slots (16 more: one bit is spent)."""
    probes, buckets = 0, offsets.shape[0] // 16
    for slot in range(16):
        if budgets[slot] == 0:
            continue
        own = np.int64((queries[4 * number + (slot >> 2)] >> np.uint64(16 * (slot & 3))) & np.uint64(0xFFFF))
        for bit in range(-1, 16 if budgets[slot] > 1 else 0):
            place = slot * buckets + (own if bit < 0 else own ^ (1 << bit))
            places[probes], slots[probes] = place, slot if bit < 0 else slot + 16
            _prefetch(offsets, place)
            probes += 1
    return probes


@_compiled(types.boolean(_OFFSETS, _SKETCHES, types.int64, _WORK, _WORK, _WORK, types.int64))
def _reach(offsets, sketches, count, starts, ends, slots, probes):  # type: ignore[no-untyped-def]
    """Turn places of buckets (in `starts`) into where their sketches begin and end; ask for those. False: damaged."""
    stride = sketches.shape[0] // 16
    for probe in range(probes):
        first, last = np.int64(offsets[starts[probe]]), np.int64(offsets[starts[probe] + 1])
        if first > last or last > count:
            return False
        begin = (slots[probe] & 15) * stride
        starts[probe], ends[probe] = begin + first, begin + last
        if first < last:
            for line in range(begin + first, begin + min(last, first + AHEAD), LANES):
                _prefetch(sketches, line)
    return True


@_compiled(types.int64(_SKETCHES, _IDS, types.int64, types.int64, types.uint16, types.uint64, _WORK, types.int64))
def _sift(sketches, ids, at, end, other, most, held, count):  # type: ignore[no-untyped-def]
    """Note the places from `at` to before `end` whose sketch is near `other`, and ask for their ids."""
    while at < end:
        close = _close(sketches, at, other, most)
        if end - at < LANES:
            close &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
        while close:
            held[count] = at + np.int64(_lowest(close))
            _prefetch(ids, held[count])
            count += 1
            close &= close - np.uint64(1)
        at += LANES
    return count


@_compiled(types.int64(_OFFSETS, _SKETCHES, _IDS, _WORDS, _WORDS, _UNITS, _ROWS, _BITS, _ROWS))
def near(offsets, sketches, ids, words, queries, budgets, rows, bits, numbers):  # type: ignore[no-untyped-def]
    """Matches of each query: row, distance, number of the query. Returns how many there are, which may be more than
    the arrays hold (call again with larger ones), or DAMAGED for an id or offset that points nowhere.

    All arrays are flat: slot after slot, word after word. `budgets` are those of `near.budgets`.
    """
    starts, ends, slots = np.empty(PROBES, np.int64), np.empty(PROBES, np.int64), np.empty(PROBES, np.int64)
    held, held_slot = np.empty(HELD + PIECE, np.int64), np.empty(HELD + PIECE, np.int64)
    found = 0
    for number in range(queries.shape[0] // 4):
        probes = _choose(offsets, queries, number, budgets, starts, slots)
        if not _reach(offsets, sketches, words.shape[0] // 4, starts, ends, slots, probes):
            return DAMAGED
        count = 0
        for probe in range(probes):
            slot, spent = slots[probe] & 15, slots[probe] >> 4
            most = np.uint64(budgets[slot] + budgets[slot ^ 1] - 1 - spent)
            other = np.uint16(
                (queries[4 * number + (slot >> 2)] >> np.uint64(16 * ((slot ^ 1) & 3))) & np.uint64(0xFFFF)
            )
            for at in range(starts[probe], ends[probe], PIECE):
                before = count
                count = _sift(sketches, ids, at, min(at + PIECE, ends[probe]), other, most, held, count)
                held_slot[before:count] = slot
                if count >= HELD:
                    found = _settle(
                        ids, words, queries, number, budgets, held, held_slot, count, rows, bits, numbers, found
                    )  # fmt: skip
                    count = 0
                    if found < 0:
                        return DAMAGED
        found = _settle(ids, words, queries, number, budgets, held, held_slot, count, rows, bits, numbers, found)
        if found < 0:
            return DAMAGED
    return found


@_compiled(types.int64(_WORDS, types.int64, types.int64, _WORDS, types.int64, types.int64, _ROWS, _BITS))
def scan(words, first, last, queries, number, radius, rows, bits):  # type: ignore[no-untyped-def]
    """Matches among the rows from `first` to before `last`, all of them compared. Returns how many, as `near` does."""
    found = 0
    for row in range(first, last):
        distance = _distance(words, row, queries, number)
        if distance <= radius:
            if found < rows.shape[0]:
                rows[found], bits[found] = row, distance
            found += 1
    return found


@_compiled(types.void(_SKETCHES, types.int64, _ROWS, types.Array(types.uint16, 1, "C"), _ROWS))
def sort(values, slot, offsets, sketches, ids):  # type: ignore[no-untyped-def]
    """Fill the arrays of one slot by a counting sort; `values` are the slots of all rows."""
    count = values.shape[0] // 16
    offsets[:] = 0
    for row in range(count):
        offsets[np.int64(values[16 * row + slot]) + 1] += np.uint32(1)
    for bucket in range(offsets.shape[0] - 1):
        offsets[bucket + 1] += offsets[bucket]
    heads = offsets[:-1].copy()
    for row in range(count):
        key = values[16 * row + slot]
        at = heads[key]
        heads[key] = at + np.uint32(1)
        ids[at] = row
        sketches[at] = values[16 * row + (slot ^ 1)]
