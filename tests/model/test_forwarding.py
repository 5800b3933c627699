from hypothesis import given
from hypothesis import strategies as st

from vnroute.model.forwarding import Forward, find_faults


def forward(plan: str, next_plan: str) -> Forward:
    return Forward(plan, "steps[0].ring[0]", 18005550000 + ord(next_plan), next_plan)


def test_a_loop_is_spelled_from_number_to_number() -> None:
    faults = find_faults([forward("a", "b"), forward("b", "c"), forward("c", "a")])
    assert [fault.loop for fault in faults] == [True]
    assert str(faults[0]) == (
        "+18005550097 -> plan a -> +18005550098 -> plan b -> +18005550099 -> plan c -> +18005550097"
    )


def test_a_plan_may_loop_by_itself() -> None:
    assert str(find_faults([forward("a", "a")])[0]) == "+18005550097 -> plan a -> +18005550097"


def test_five_hops_are_allowed_and_six_are_not() -> None:
    chain = [forward(a, b) for a, b in zip("abcde", "bcdef", strict=True)]
    assert find_faults(chain) == []
    faults = find_faults([*chain, forward("z", "a"), forward("y", "z")])
    assert [(fault.loop, fault.path[0].plan, len(fault.path)) for fault in faults] == [
        (False, "z", 6)
    ]


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [Forward(str(i), "", 18005550000 + i, str(i + 1)) for i in range(50_000)]
    assert len(find_faults(chain)) == 1


EDGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=20)


@given(EDGES)
def test_loops_are_found_just_where_there_are_any(edges: list[tuple[str, str]]) -> None:
    reach = {plan: {plan} for plan in "abcdefgh"}
    step = {plan: {b for a, b in edges if a == plan} for plan in "abcdefgh"}
    on_loop = set()
    for plan in reach:
        seen: set[str] = set()
        work = list(step[plan])
        while work:
            other = work.pop()
            if other not in seen:
                seen.add(other)
                work += step[other]
        if plan in seen:
            on_loop.add(plan)
    faults = find_faults([forward(a, b) for a, b in edges])
    told = {hop.plan for fault in faults if fault.loop for hop in fault.path}
    assert bool(told) == bool(on_loop)
    assert told <= on_loop
    for fault in faults:
        ends = [hop.next_plan for hop in fault.path]
        starts = [hop.plan for hop in fault.path]
        assert ends[:-1] == starts[1:]
        assert (ends[-1] == starts[0]) == fault.loop


@given(
    st.lists(st.integers(0, 11).flatmap(lambda a: st.tuples(st.just(a), st.integers(a + 1, 12))))
)
def test_depth_is_that_of_the_longest_chain(edges: list[tuple[int, int]]) -> None:
    depth = dict.fromkeys(range(13), 0)
    for plan in range(12, -1, -1):
        depth[plan] = max((depth[b] + 1 for a, b in edges if a == plan), default=0)
    faults = find_faults([Forward(str(a), "", b, str(b)) for a, b in edges], 3)
    assert {fault.path[0].plan for fault in faults} == {str(p) for p in depth if depth[p] == 4}
