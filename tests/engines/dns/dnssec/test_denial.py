"""What NSEC and NSEC3 records prove, against a model: zones by chance, and what is true of them.

With all its records, each truth about a zone can be proven; with any of them, nothing untrue.
"""

import base64
import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import dns.rdata
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailclad.engines.dns.dnssec.denial import Denial, Types, Verdict
from mailclad.engines.dns.dnssec.nsec import Nsec, NsecDenial, read_nsec
from mailclad.engines.dns.dnssec.nsec3 import MAX_ITERATIONS, Nsec3, Nsec3Denial, read_nsec3
from mailclad.engines.dns.dnssec.signatures import MAX_HASHES, Bogus, Effort
from mailclad.engines.dns.message import Kind, Unusable
from mailclad.engines.dns.name import ancestors, canonical_order, is_within, write_name
from tests.engines.dns.replies import name_of

APEX = name_of("z")
ENDLESS = Effort(hashes=-(10**6))
KINDS = ("A", "MX", "CNAME", "DNAME", "NS", "NS DS")


@dataclass(frozen=True)
class Model:
    """The names of a zone with the types there; nothing stands below what leads away."""

    nodes: Mapping[bytes, str]

    def types(self, name: bytes) -> set[str]:
        return set(self.nodes.get(name, "").split())

    def exists(self, name: bytes) -> bool:
        return any(is_within(node, name) for node in self.nodes)

    def is_cut(self, name: bytes) -> bool:
        return "NS" in self.types(name) and name != APEX

    def leads_away(self, name: bytes) -> bool:
        """Whether another zone or a DNAME speaks for the name."""
        _, *above = ancestors(name)
        return any(self.is_cut(one) or "DNAME" in self.types(one) for one in above)

    def encloser(self, name: bytes) -> bytes:
        return next(above for above in ancestors(name) if self.exists(above))

    def no_name(self, name: bytes) -> bool:
        wildcard = b"\1*" + self.encloser(name)
        return not (self.leads_away(name) or self.exists(name) or self.exists(wildcard))

    def no_type(self, name: bytes, kind: Kind) -> bool:
        if self.leads_away(name):
            return False
        source = name if self.exists(name) else b"\1*" + self.encloser(name)
        return (
            self.exists(source)
            and not self.is_cut(source)
            and not {kind.name, "CNAME"} & self.types(source)
        )

    def no_closer(self, name: bytes, encloser: bytes) -> bool:
        return not (self.leads_away(name) or self.exists(name) or self.encloser(name) != encloser)

    def no_keys(self, name: bytes) -> bool:
        return not self.leads_away(name) and not self.is_cut(name)


def nsec(owner: bytes, next_name: bytes, types: str) -> Nsec:
    text = f"{write_name(next_name)}. {types} RRSIG NSEC"
    return read_nsec(owner, dns.rdata.from_text("IN", "NSEC", text).to_wire() or b"")


def nsec_records(model: Model) -> list[Nsec]:
    names = sorted(model.nodes, key=canonical_order)
    return [
        nsec(name, after, model.nodes[name])
        for name, after in zip(names, names[1:] + names[:1], strict=True)
    ]


def hash_of(name: bytes, iterations: int = 1, salt: bytes = b"\xab") -> bytes:
    hashed = hashlib.sha1(name + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        hashed = hashlib.sha1(hashed + salt, usedforsecurity=False).digest()
    return hashed


def nsec3(owner: bytes, after: bytes, types: str, flags: int = 0, iterations: int = 1) -> Nsec3:
    """Owner and next as hashes."""
    label = base64.b32hexencode(owner).lower()
    text = f"1 {flags} {iterations} ab {base64.b32hexencode(after).decode()} {types}"
    data = dns.rdata.from_text("IN", "NSEC3", text).to_wire() or b""
    made = read_nsec3(bytes([len(label)]) + label + APEX, data)
    assert made is not None
    return made


def nsec3_records(model: Model, *, opt_out: bool = False) -> list[Nsec3]:
    kept = [name for name in model.nodes if not (opt_out and model.nodes[name] == "NS")]
    names = {above for name in kept for above in ancestors(name) if is_within(above, APEX)}
    hashed = sorted((hash_of(name), model.nodes.get(name, "")) for name in names)
    return [
        nsec3(owner, after, types, int(opt_out))
        for (owner, types), (after, _) in zip(hashed, hashed[1:] + hashed[:1], strict=True)
    ]


names = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)
nodes = st.builds(
    lambda star, name: name_of(star + name + ".z"), st.sampled_from(["", "*."]), names
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    made: dict[bytes, str] = draw(st.dictionaries(nodes, st.sampled_from(KINDS), max_size=6))
    whole = Model({APEX: "SOA NS", **made})
    return Model(
        {name: kinds for name, kinds in whole.nodes.items() if not whole.leads_away(name)}
    )


questions = names.map(lambda name: name_of(name + ".z"))


def claims(model: Model, denial: Denial, name: bytes) -> list[tuple[Verdict, bool]]:
    """Each verdict, and the truth; a wildcard is there already, proven by its signature."""
    wildcards = [above for above in ancestors(name) if b"\1*" + above in model.nodes]
    return [
        (denial.no_name(name), model.no_name(name)),
        (denial.no_type(name, Kind.A), model.no_type(name, Kind.A)),
        (denial.no_type(name, Kind.MX), model.no_type(name, Kind.MX)),
        (denial.no_keys(name), model.no_keys(name)),
        *[(denial.no_closer(name, above), model.no_closer(name, above)) for above in wildcards],
    ]


@pytest.mark.slow
@given(models(), questions)
@example(Model({APEX: "SOA NS", name_of("b.a.z"): "A"}), name_of("a.z"))
@example(Model({APEX: "SOA NS", name_of("*.a.z"): "A"}), name_of("b.a.z"))
def test_every_truth_can_be_proven(model: Model, name: bytes) -> None:
    for denial in (
        NsecDenial(nsec_records(model), 60),
        Nsec3Denial(nsec3_records(model), 60, ENDLESS),
    ):
        found = claims(model, denial, name)
        assert [verdict is Verdict.PROVEN for verdict, _ in found] == [true for _, true in found]
        insecure = model.types(name) == {"NS"} and not model.leads_away(name)
        assert (denial.no_keys(name) is Verdict.OPEN) == insecure


@pytest.mark.slow
@given(models(), questions, st.randoms(use_true_random=False), st.integers(0, 3))
def test_nothing_untrue_can_be_proven(
    model: Model, name: bytes, chance: Random, left: int
) -> None:
    records = nsec_records(model)
    chosen = chance.sample(records, min(left, len(records)))
    for verdict, true in claims(model, NsecDenial(chosen, 60), name):
        assert true or verdict is not Verdict.PROVEN
    for opt_out in (False, True):
        hashed = nsec3_records(model, opt_out=opt_out)
        some = chance.sample(hashed, min(left, len(hashed)))
        if some:
            for verdict, true in claims(model, Nsec3Denial(some, 60, ENDLESS), name):
                assert true or verdict is not Verdict.PROVEN


@pytest.mark.slow
@given(models(), questions)
def test_what_is_left_out_is_open(model: Model, name: bytes) -> None:
    """RFC 5155 §8.6: with opt-out, an unsigned zone has no record of its own."""
    denial = Nsec3Denial(nsec3_records(model, opt_out=True), 60, ENDLESS)
    if model.types(name) == {"NS"} and not model.leads_away(name):
        assert denial.no_keys(name) is Verdict.OPEN
    if model.types(name) == {"NS", "DS"}:
        assert denial.no_keys(name) is Verdict.UNPROVEN


def test_no_more_iterations_than_some() -> None:
    owner = hash_of(APEX, MAX_ITERATIONS)
    name = name_of("a.z")
    for iterations, verdict in (
        (MAX_ITERATIONS, Verdict.PROVEN),
        (MAX_ITERATIONS + 1, Verdict.OPEN),
    ):
        record = nsec3(owner, owner, "SOA NS", iterations=iterations)
        effort = Effort()
        denial = Nsec3Denial([record], 60, effort)
        verdicts = {
            denial.no_name(name),
            denial.no_closer(name, APEX),
            denial.no_keys(name),
            denial.no_type(APEX, Kind.MX),
        }
        assert verdicts == {verdict}
        assert (effort.hashes == 0) == (verdict is Verdict.OPEN)


def test_no_more_hashes_than_some() -> None:
    """CVE-2023-50868: a name of very many labels."""
    record = nsec3(bytes(20), bytes(20), "A")
    name = name_of("a." * (MAX_HASHES + 1) + "z")
    with pytest.raises(Bogus, match=f"more than {MAX_HASHES} names"):
        Nsec3Denial([record], 60, Effort()).no_name(name)


def test_other_parameters_than_the_first_are_ignored() -> None:
    other = nsec3(hash_of(APEX), hash_of(APEX), "SOA NS", iterations=2)
    right = nsec3(bytes(20), bytes(20), "A")
    assert Nsec3Denial([right, other], 60, Effort()).no_type(APEX, Kind.MX) is Verdict.UNPROVEN


def test_what_a_zone_says_of_its_own_name_is_no_delegation() -> None:
    """RFC 4035 §5.2: the SOA shows that it is not the zone above that speaks."""
    assert NsecDenial([nsec(APEX, APEX, "SOA NS")], 60).no_keys(APEX) is Verdict.UNPROVEN


@pytest.mark.parametrize("text", ["2 0 1 ab {} A", "1 2 1 ab {} A", "1 129 1 ab {} A"])
def test_nsec3_of_a_newer_standard(text: str) -> None:
    label = base64.b32hexencode(bytes(20))
    data = dns.rdata.from_text("IN", "NSEC3", text.format(label.decode())).to_wire() or b""
    assert read_nsec3(b"\x20" + label + APEX, data) is None


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_octets_make_it_raise(owner: bytes, data: bytes) -> None:
    label = bytes([min(len(owner), 63)]) + owner[:63]
    for read in (read_nsec, read_nsec3):
        with contextlib.suppress(Unusable):
            read(label + APEX, data)


@given(st.binary(max_size=40), st.sampled_from(list(Kind)))
def test_any_bit_map(octets: bytes, kind: Kind) -> None:
    try:
        types = Types(octets)
    except Unusable:
        return
    assert (kind in types) in {True, False}


@given(st.sets(st.sampled_from([kind for kind in Kind if kind != Kind.OPT])))
def test_bit_maps_are_read_as_dnspython_writes_them(kinds: set[Kind]) -> None:
    text = ". " + " ".join(kind.name for kind in kinds) + " TYPE65534"
    data = dns.rdata.from_text("IN", "NSEC", text).to_wire() or b""
    types = read_nsec(APEX, data).types
    assert {kind for kind in Kind if kind in types} == kinds
