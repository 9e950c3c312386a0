"""The check of client histories: against a search through all orders, and one history for each way
an answer can be wrong."""

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from devnet.linearizable import Append, LookUp, NotLinearizable, Operation, ReadSize, check

Final = list[tuple[bytes, int]]


def is_linearizable(final: Final, operations: Sequence[Operation]) -> bool:
    try:
        check(final, operations)
    except NotLinearizable:
        return False
    return True


def has_an_order(final: Final, operations: Sequence[Operation]) -> bool:
    """The naive twin (Wing and Gong): try every order that respects time, on a real log."""
    log = sorted(final, key=lambda each: each[1])

    def holds(operation: Operation, done: Final, size: int) -> bool:
        there = dict(done)
        match operation:
            case Append():
                return operation.returned is None or there.get(operation.item) == operation.position
            case ReadSize():
                below = [each for each in log if each[1] < operation.size]
                return done == below and size <= operation.size
            case LookUp():
                return there.get(operation.item) == operation.position

    def can_finish(left: tuple[Operation, ...], done: Final, size: int) -> bool:
        if not left:
            return done == log
        # One that was over before another began comes first.
        first_end = min(math.inf if each.returned is None else each.returned for each in left)
        for index, operation in enumerate(left):
            if operation.invoked > first_end:
                continue
            rest = left[:index] + left[index + 1 :]
            after = done
            if isinstance(operation, Append):
                if operation.returned is None and can_finish(rest, done, size):
                    return True  # It never happened.
                if operation.returned is None or operation.position is not None:
                    if len(done) == len(log) or log[len(done)][0] != operation.item:
                        continue
                    after = [*done, log[len(done)]]
            if holds(operation, after, size):
                read = operation.size if isinstance(operation, ReadSize) else size
                if can_finish(rest, after, read):
                    return True
        return False

    places = {position for _, position in log}
    return len(places) == len(log) and can_finish(tuple(operations), [], 0)


def random_history(rng: random.Random) -> tuple[Final, list[Operation]]:
    """What a real log answers to overlapping operations; then, perhaps, one answer is changed."""
    moments = sorted(rng.sample(range(1, 40), rng.randint(1, 7)))
    final: Final = []
    operations: list[Operation] = []
    items = [bytes([number]) for number in range(len(moments))]
    unused = iter(items)
    for moment in moments:
        invoked = max(1, moment - rng.randint(0, 6))
        returned = moment + rng.randint(0, 6)
        match rng.randrange(4):
            case 0 | 1:
                item, kind = next(unused), rng.randrange(8)
                if kind > 1:
                    position = 3 * len(final) + rng.randrange(3)
                    final.append((item, position))
                    known = kind > 2
                    operations.append(
                        Append(item, invoked, returned, position)
                        if known
                        else Append(item, invoked)
                    )
                else:
                    operations.append(Append(item, invoked, returned if kind else None))
            case 2:
                size = final[-1][1] + 1 if final else 0
                operations.append(ReadSize(invoked, returned, size))
            case 3:
                item = rng.choice(items)
                operations.append(LookUp(item, invoked, returned, dict(final).get(item)))
    if operations and rng.random() < 0.6:
        spoil(rng, final, operations)
    return final, operations


def spoil(rng: random.Random, final: Final, operations: list[Operation]) -> None:
    index = rng.randrange(len(operations))
    operation = operations[index]
    match rng.randrange(4):
        case 0:
            shift = rng.randint(-15, 15)
            returned = None if operation.returned is None else operation.returned + shift
            operations[index] = replace(operation, invoked=operation.invoked + shift)
            if returned is not None:
                operations[index] = replace(operations[index], returned=returned)
        case 1 if isinstance(operation, ReadSize):
            operations[index] = replace(operation, size=max(0, operation.size + rng.randint(-3, 3)))
        case 2 if not isinstance(operation, ReadSize):
            positions: list[int | None] = [position for _, position in final]
            operations[index] = replace(operation, position=rng.choice([None, *positions]))
        case 3 if final:
            final.remove(rng.choice(final))


def test_it_agrees_with_a_search_through_all_orders() -> None:
    rng = random.Random(20260315)
    found = {True: 0, False: 0}
    for number in range(20_000):
        final, operations = random_history(rng)
        expected = has_an_order(final, operations)
        assert is_linearizable(final, operations) == expected, (number, final, operations)
        found[expected] += 1
    assert min(found.values()) > 2_000


A, B = b"a", b"b"


def wrong() -> Iterator[tuple[str, Final, list[Operation]]]:
    both = [(A, 0), (B, 1)]
    first, second = Append(A, 1, 2, 0), Append(B, 3, 4, 1)
    yield "lost", [(B, 1)], [first, second]
    yield "twice", [(A, 0), (A, 1)], [first]
    yield "two at one place", [(A, 0), (B, 0)], [first, Append(B, 3, 4, 0)]
    yield "moved", [(A, 5)], [first]
    yield "nobody's", both, [first]
    yield "two operations for one item", [(A, 0)], [first, first]
    yield "refused but there", [(A, 0)], [Append(A, 1, 2)]
    yield "out of order", both, [Append(A, 3, 4, 0), Append(B, 1, 2, 1)]
    yield "stale size", both, [first, second, ReadSize(5, 6, 1)]
    yield "size from the future", both, [first, second, ReadSize(1, 2, 2)]
    yield (
        "sizes that shrink",
        both,
        [Append(A, 1), Append(B, 1), ReadSize(2, 3, 2), ReadSize(4, 5, 1)],
    )
    yield "stale look-up", both, [first, second, LookUp(A, 3, 4, None)]
    yield "found too early", both, [first, second, LookUp(B, 1, 2, 1)]
    yield "found elsewhere", both, [first, second, LookUp(B, 5, 6, 0)]
    yield "found, then lost", [], [Append(A, 1), LookUp(A, 2, 3, 0)]
    yield "gone again", [(A, 0)], [Append(A, 1), LookUp(A, 2, 3, 0), LookUp(A, 4, 5, None)]


@pytest.mark.parametrize(
    ("final", "operations"), [w[1:] for w in wrong()], ids=[w[0] for w in wrong()]
)
def test_each_wrong_answer_is_found(final: Final, operations: list[Operation]) -> None:
    assert not has_an_order(final, operations)
    with pytest.raises(NotLinearizable):
        check(final, operations)


def test_what_overlaps_may_have_happened_in_either_order() -> None:
    check([(A, 0), (B, 1)], [Append(A, 3, 6, 0), Append(B, 1, 4, 1)])
    check([(A, 0)], [Append(A, 1, 5, 0), LookUp(A, 2, 4, None), ReadSize(2, 4, 1)])
    check([(A, 0)], [Append(A, 1, 2, 0), ReadSize(2, 3, 0)])  # The same instant.
    check([], [Append(A, 1), LookUp(A, 5, 6, None)])


def test_the_fault_names_the_operations() -> None:
    stale = ReadSize(5, 6, 0)
    appended = Append(A, 1, 2, 0)
    with pytest.raises(NotLinearizable, match="came after it in time") as caught:
        check([(A, 0)], [appended, stale])
    assert caught.value.operations == (stale, appended)


def test_a_hundred_thousand_operations_take_a_moment() -> None:
    operations: list[Operation] = []
    final: Final = [(number.to_bytes(4, "big"), number) for number in range(50_000)]
    for item, number in final:
        operations.append(Append(item, 4 * number, 4 * number + 7, number))
        operations.append(ReadSize(4 * number + 2, 4 * number + 9, number + number % 2))
    start = time.process_time()
    check(final, operations)
    assert time.process_time() - start < 10
