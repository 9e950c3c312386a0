from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Standing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STRANGER: _ClassVar[Standing]
    LEARNER: _ClassVar[Standing]
    VOTER: _ClassVar[Standing]
    REMOVED: _ClassVar[Standing]
STRANGER: Standing
LEARNER: Standing
VOTER: Standing
REMOVED: Standing

class ProposeRequest(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, records: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ProposeResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("position", "skipped", "repeated")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    position: Position
    skipped: str
    repeated: bool
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ..., skipped: _Optional[str] = ..., repeated: _Optional[bool] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("statement_id", "height", "leaf_index", "time_ms", "first_item", "count", "entry")
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_ITEM_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    statement_id: bytes
    height: int
    leaf_index: int
    time_ms: int
    first_item: int
    count: int
    entry: bytes
    def __init__(self, statement_id: _Optional[bytes] = ..., height: _Optional[int] = ..., leaf_index: _Optional[int] = ..., time_ms: _Optional[int] = ..., first_item: _Optional[int] = ..., count: _Optional[int] = ..., entry: _Optional[bytes] = ...) -> None: ...

class FindRequest(_message.Message):
    __slots__ = ("ordinal", "statement_id", "receipt_prefix", "entry_hash", "digest", "events", "linearizable")
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_PREFIX_FIELD_NUMBER: _ClassVar[int]
    ENTRY_HASH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LINEARIZABLE_FIELD_NUMBER: _ClassVar[int]
    ordinal: int
    statement_id: bytes
    receipt_prefix: bytes
    entry_hash: bytes
    digest: Digest
    events: Events
    linearizable: bool
    def __init__(self, ordinal: _Optional[int] = ..., statement_id: _Optional[bytes] = ..., receipt_prefix: _Optional[bytes] = ..., entry_hash: _Optional[bytes] = ..., digest: _Optional[_Union[Digest, _Mapping]] = ..., events: _Optional[_Union[Events, _Mapping]] = ..., linearizable: _Optional[bool] = ...) -> None: ...

class Digest(_message.Message):
    __slots__ = ("alg", "value")
    ALG_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    alg: str
    value: bytes
    def __init__(self, alg: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class Events(_message.Message):
    __slots__ = ("subject", "from_leaf")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    FROM_LEAF_FIELD_NUMBER: _ClassVar[int]
    subject: bytes
    from_leaf: int
    def __init__(self, subject: _Optional[bytes] = ..., from_leaf: _Optional[int] = ...) -> None: ...

class FindResponse(_message.Message):
    __slots__ = ("found", "height", "size", "other_algorithm")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OTHER_ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    found: _containers.RepeatedCompositeFieldContainer[Found]
    height: int
    size: int
    other_algorithm: str
    def __init__(self, found: _Optional[_Iterable[_Union[Found, _Mapping]]] = ..., height: _Optional[int] = ..., size: _Optional[int] = ..., other_algorithm: _Optional[str] = ...) -> None: ...

class Found(_message.Message):
    __slots__ = ("position", "item_index")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ITEM_INDEX_FIELD_NUMBER: _ClassVar[int]
    position: Position
    item_index: int
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ..., item_index: _Optional[int] = ...) -> None: ...

class FindKeyRequest(_message.Message):
    __slots__ = ("public_key", "linearizable")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    LINEARIZABLE_FIELD_NUMBER: _ClassVar[int]
    public_key: str
    linearizable: bool
    def __init__(self, public_key: _Optional[str] = ..., linearizable: _Optional[bool] = ...) -> None: ...

class FindKeyResponse(_message.Message):
    __slots__ = ("entries", "height")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    height: int
    def __init__(self, entries: _Optional[_Iterable[bytes]] = ..., height: _Optional[int] = ...) -> None: ...

class ProveRequest(_message.Message):
    __slots__ = ("statement_id", "item_index", "wait_ms", "later")
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_INDEX_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    LATER_FIELD_NUMBER: _ClassVar[int]
    statement_id: bytes
    item_index: int
    wait_ms: int
    later: bool
    def __init__(self, statement_id: _Optional[bytes] = ..., item_index: _Optional[int] = ..., wait_ms: _Optional[int] = ..., later: _Optional[bool] = ...) -> None: ...

class ProveResponse(_message.Message):
    __slots__ = ("position", "proof", "height")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    position: Position
    proof: bytes
    height: int
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ..., proof: _Optional[bytes] = ..., height: _Optional[int] = ...) -> None: ...

class CheckpointRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CheckpointResponse(_message.Message):
    __slots__ = ("note", "policy_text", "members_text")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    POLICY_TEXT_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_TEXT_FIELD_NUMBER: _ClassVar[int]
    note: bytes
    policy_text: bytes
    members_text: bytes
    def __init__(self, note: _Optional[bytes] = ..., policy_text: _Optional[bytes] = ..., members_text: _Optional[bytes] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("member", "origin", "role", "term", "leader", "commit", "applied", "size", "sealed_size", "sealed_height", "clock_ms", "version", "peers", "alarms", "root", "items", "rules", "scrubbed", "scrub_damage", "contradictions", "witnesses", "scrub_passed_s", "health")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SEALED_SIZE_FIELD_NUMBER: _ClassVar[int]
    SEALED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SCRUBBED_FIELD_NUMBER: _ClassVar[int]
    SCRUB_DAMAGE_FIELD_NUMBER: _ClassVar[int]
    CONTRADICTIONS_FIELD_NUMBER: _ClassVar[int]
    WITNESSES_FIELD_NUMBER: _ClassVar[int]
    SCRUB_PASSED_S_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    member: str
    origin: str
    role: str
    term: int
    leader: str
    commit: int
    applied: int
    size: int
    sealed_size: int
    sealed_height: int
    clock_ms: int
    version: str
    peers: _containers.RepeatedCompositeFieldContainer[Peer]
    alarms: _containers.RepeatedScalarFieldContainer[str]
    root: bytes
    items: int
    rules: int
    scrubbed: int
    scrub_damage: _containers.RepeatedScalarFieldContainer[str]
    contradictions: _containers.RepeatedScalarFieldContainer[str]
    witnesses: _containers.RepeatedCompositeFieldContainer[Witness]
    scrub_passed_s: int
    health: HealthNote
    def __init__(self, member: _Optional[str] = ..., origin: _Optional[str] = ..., role: _Optional[str] = ..., term: _Optional[int] = ..., leader: _Optional[str] = ..., commit: _Optional[int] = ..., applied: _Optional[int] = ..., size: _Optional[int] = ..., sealed_size: _Optional[int] = ..., sealed_height: _Optional[int] = ..., clock_ms: _Optional[int] = ..., version: _Optional[str] = ..., peers: _Optional[_Iterable[_Union[Peer, _Mapping]]] = ..., alarms: _Optional[_Iterable[str]] = ..., root: _Optional[bytes] = ..., items: _Optional[int] = ..., rules: _Optional[int] = ..., scrubbed: _Optional[int] = ..., scrub_damage: _Optional[_Iterable[str]] = ..., contradictions: _Optional[_Iterable[str]] = ..., witnesses: _Optional[_Iterable[_Union[Witness, _Mapping]]] = ..., scrub_passed_s: _Optional[int] = ..., health: _Optional[_Union[HealthNote, _Mapping]] = ...) -> None: ...

class HealthNote(_message.Message):
    __slots__ = ("serial", "kind", "to_ms", "alarms")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    serial: int
    kind: str
    to_ms: int
    alarms: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, serial: _Optional[int] = ..., kind: _Optional[str] = ..., to_ms: _Optional[int] = ..., alarms: _Optional[_Iterable[str]] = ...) -> None: ...

class Witness(_message.Message):
    __slots__ = ("name", "size", "time_s")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TIME_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    size: int
    time_s: int
    def __init__(self, name: _Optional[str] = ..., size: _Optional[int] = ..., time_s: _Optional[int] = ...) -> None: ...

class Peer(_message.Message):
    __slots__ = ("member", "address", "voter", "match", "sealed_size")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    SEALED_SIZE_FIELD_NUMBER: _ClassVar[int]
    member: str
    address: str
    voter: bool
    match: int
    sealed_size: int
    def __init__(self, member: _Optional[str] = ..., address: _Optional[str] = ..., voter: _Optional[bool] = ..., match: _Optional[int] = ..., sealed_size: _Optional[int] = ...) -> None: ...

class TileRequest(_message.Message):
    __slots__ = ("level", "index", "width")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    level: int
    index: int
    width: int
    def __init__(self, level: _Optional[int] = ..., index: _Optional[int] = ..., width: _Optional[int] = ...) -> None: ...

class TileResponse(_message.Message):
    __slots__ = ("hashes",)
    HASHES_FIELD_NUMBER: _ClassVar[int]
    hashes: bytes
    def __init__(self, hashes: _Optional[bytes] = ...) -> None: ...

class EntriesRequest(_message.Message):
    __slots__ = ("index", "width")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    index: int
    width: int
    def __init__(self, index: _Optional[int] = ..., width: _Optional[int] = ...) -> None: ...

class EntriesResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    def __init__(self, bundle: _Optional[bytes] = ...) -> None: ...

class BodyRequest(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class BodyResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class BlockRequest(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class BlockResponse(_message.Message):
    __slots__ = ("leaf_index", "entry", "size", "root", "next")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    entry: bytes
    size: int
    root: bytes
    next: bytes
    def __init__(self, leaf_index: _Optional[int] = ..., entry: _Optional[bytes] = ..., size: _Optional[int] = ..., root: _Optional[bytes] = ..., next: _Optional[bytes] = ...) -> None: ...

class PolicyRequest(_message.Message):
    __slots__ = ("serial",)
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    serial: int
    def __init__(self, serial: _Optional[int] = ...) -> None: ...

class PolicyResponse(_message.Message):
    __slots__ = ("leaf_index", "entry")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    entry: bytes
    def __init__(self, leaf_index: _Optional[int] = ..., entry: _Optional[bytes] = ...) -> None: ...

class ConsistencyRequest(_message.Message):
    __slots__ = ("old_size", "new_size")
    OLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEW_SIZE_FIELD_NUMBER: _ClassVar[int]
    old_size: int
    new_size: int
    def __init__(self, old_size: _Optional[int] = ..., new_size: _Optional[int] = ...) -> None: ...

class ConsistencyResponse(_message.Message):
    __slots__ = ("path", "old_root", "new_root")
    PATH_FIELD_NUMBER: _ClassVar[int]
    OLD_ROOT_FIELD_NUMBER: _ClassVar[int]
    NEW_ROOT_FIELD_NUMBER: _ClassVar[int]
    path: _containers.RepeatedScalarFieldContainer[bytes]
    old_root: bytes
    new_root: bytes
    def __init__(self, path: _Optional[_Iterable[bytes]] = ..., old_root: _Optional[bytes] = ..., new_root: _Optional[bytes] = ...) -> None: ...

class ContradictionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ContradictionsResponse(_message.Message):
    __slots__ = ("contradictions",)
    CONTRADICTIONS_FIELD_NUMBER: _ClassVar[int]
    contradictions: _containers.RepeatedCompositeFieldContainer[Contradiction]
    def __init__(self, contradictions: _Optional[_Iterable[_Union[Contradiction, _Mapping]]] = ...) -> None: ...

class Contradiction(_message.Message):
    __slots__ = ("name", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: bytes
    def __init__(self, name: _Optional[str] = ..., text: _Optional[bytes] = ...) -> None: ...

class SealsRequest(_message.Message):
    __slots__ = ("seals",)
    SEALS_FIELD_NUMBER: _ClassVar[int]
    seals: _containers.RepeatedCompositeFieldContainer[Seal]
    def __init__(self, seals: _Optional[_Iterable[_Union[Seal, _Mapping]]] = ...) -> None: ...

class Seal(_message.Message):
    __slots__ = ("body", "line")
    BODY_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    line: bytes
    def __init__(self, body: _Optional[bytes] = ..., line: _Optional[bytes] = ...) -> None: ...

class SealsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PullSealsRequest(_message.Message):
    __slots__ = ("above_size", "member")
    ABOVE_SIZE_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    above_size: int
    member: str
    def __init__(self, above_size: _Optional[int] = ..., member: _Optional[str] = ...) -> None: ...

class PullSealsResponse(_message.Message):
    __slots__ = ("seals", "yours")
    SEALS_FIELD_NUMBER: _ClassVar[int]
    YOURS_FIELD_NUMBER: _ClassVar[int]
    seals: _containers.RepeatedCompositeFieldContainer[Seal]
    yours: Seal
    def __init__(self, seals: _Optional[_Iterable[_Union[Seal, _Mapping]]] = ..., yours: _Optional[_Union[Seal, _Mapping]] = ...) -> None: ...

class JoinRequest(_message.Message):
    __slots__ = ("replica_id", "address", "recalling", "log_key", "witness_key", "passed", "signature")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RECALLING_FIELD_NUMBER: _ClassVar[int]
    LOG_KEY_FIELD_NUMBER: _ClassVar[int]
    WITNESS_KEY_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    address: str
    recalling: bool
    log_key: str
    witness_key: str
    passed: Passed
    signature: bytes
    def __init__(self, replica_id: _Optional[str] = ..., address: _Optional[str] = ..., recalling: _Optional[bool] = ..., log_key: _Optional[str] = ..., witness_key: _Optional[str] = ..., passed: _Optional[_Union[Passed, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Passed(_message.Message):
    __slots__ = ("certificate", "listed")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    listed: bool
    def __init__(self, certificate: _Optional[bytes] = ..., listed: _Optional[bool] = ...) -> None: ...

class JoinResponse(_message.Message):
    __slots__ = ("genesis", "configuration", "known", "listed", "standing", "waiting_for")
    GENESIS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    genesis: bytes
    configuration: bytes
    known: bool
    listed: bool
    standing: Standing
    waiting_for: str
    def __init__(self, genesis: _Optional[bytes] = ..., configuration: _Optional[bytes] = ..., known: _Optional[bool] = ..., listed: _Optional[bool] = ..., standing: _Optional[_Union[Standing, str]] = ..., waiting_for: _Optional[str] = ...) -> None: ...

class LeaveRequest(_message.Message):
    __slots__ = ("member", "passed")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    member: str
    passed: bool
    def __init__(self, member: _Optional[str] = ..., passed: _Optional[bool] = ...) -> None: ...

class LeaveResponse(_message.Message):
    __slots__ = ("configuration", "in_policy")
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    IN_POLICY_FIELD_NUMBER: _ClassVar[int]
    configuration: bytes
    in_policy: bool
    def __init__(self, configuration: _Optional[bytes] = ..., in_policy: _Optional[bool] = ...) -> None: ...

class HealthReport(_message.Message):
    __slots__ = ("record", "submission", "leaf_index", "entry")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    submission: bytes
    leaf_index: int
    entry: bytes
    def __init__(self, record: _Optional[bytes] = ..., submission: _Optional[bytes] = ..., leaf_index: _Optional[int] = ..., entry: _Optional[bytes] = ...) -> None: ...

class HealthRequest(_message.Message):
    __slots__ = ("from_ms", "to_ms")
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    from_ms: int
    to_ms: int
    def __init__(self, from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ...) -> None: ...

class HealthResponse(_message.Message):
    __slots__ = ("reports", "more")
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[HealthReport]
    more: bool
    def __init__(self, reports: _Optional[_Iterable[_Union[HealthReport, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("record", "submission")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    submission: bytes
    def __init__(self, record: _Optional[bytes] = ..., submission: _Optional[bytes] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
