from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Frame(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("sender", "recipient", "term", "pre_vote_request", "pre_vote_response", "vote_request", "vote_response", "append_request", "append_response", "append_refusal", "commit_notice", "heartbeat_request", "heartbeat_response", "read_index_request", "read_index_response", "timeout_now", "recall_request", "recall_response")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    PRE_VOTE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    PRE_VOTE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    VOTE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    VOTE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    APPEND_REQUEST_FIELD_NUMBER: _ClassVar[int]
    APPEND_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    APPEND_REFUSAL_FIELD_NUMBER: _ClassVar[int]
    COMMIT_NOTICE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    READ_INDEX_REQUEST_FIELD_NUMBER: _ClassVar[int]
    READ_INDEX_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_NOW_FIELD_NUMBER: _ClassVar[int]
    RECALL_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RECALL_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    sender: str
    recipient: str
    term: int
    pre_vote_request: PreVoteRequest
    pre_vote_response: PreVoteResponse
    vote_request: VoteRequest
    vote_response: VoteResponse
    append_request: AppendRequest
    append_response: AppendResponse
    append_refusal: AppendRefusal
    commit_notice: CommitNotice
    heartbeat_request: HeartbeatRequest
    heartbeat_response: HeartbeatResponse
    read_index_request: ReadIndexRequest
    read_index_response: ReadIndexResponse
    timeout_now: TimeoutNow
    recall_request: RecallRequest
    recall_response: RecallResponse
    def __init__(self, sender: _Optional[str] = ..., recipient: _Optional[str] = ..., term: _Optional[int] = ..., pre_vote_request: _Optional[_Union[PreVoteRequest, _Mapping]] = ..., pre_vote_response: _Optional[_Union[PreVoteResponse, _Mapping]] = ..., vote_request: _Optional[_Union[VoteRequest, _Mapping]] = ..., vote_response: _Optional[_Union[VoteResponse, _Mapping]] = ..., append_request: _Optional[_Union[AppendRequest, _Mapping]] = ..., append_response: _Optional[_Union[AppendResponse, _Mapping]] = ..., append_refusal: _Optional[_Union[AppendRefusal, _Mapping]] = ..., commit_notice: _Optional[_Union[CommitNotice, _Mapping]] = ..., heartbeat_request: _Optional[_Union[HeartbeatRequest, _Mapping]] = ..., heartbeat_response: _Optional[_Union[HeartbeatResponse, _Mapping]] = ..., read_index_request: _Optional[_Union[ReadIndexRequest, _Mapping]] = ..., read_index_response: _Optional[_Union[ReadIndexResponse, _Mapping]] = ..., timeout_now: _Optional[_Union[TimeoutNow, _Mapping]] = ..., recall_request: _Optional[_Union[RecallRequest, _Mapping]] = ..., recall_response: _Optional[_Union[RecallResponse, _Mapping]] = ...) -> None: ...

class PreVoteRequest(_message.Message):
    __slots__ = ("last_index", "last_term")
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_TERM_FIELD_NUMBER: _ClassVar[int]
    last_index: int
    last_term: int
    def __init__(self, last_index: _Optional[int] = ..., last_term: _Optional[int] = ...) -> None: ...

class PreVoteResponse(_message.Message):
    __slots__ = ("granted",)
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    granted: bool
    def __init__(self, granted: _Optional[bool] = ...) -> None: ...

class VoteRequest(_message.Message):
    __slots__ = ("last_index", "last_term", "transfer")
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_TERM_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    last_index: int
    last_term: int
    transfer: bool
    def __init__(self, last_index: _Optional[int] = ..., last_term: _Optional[int] = ..., transfer: _Optional[bool] = ...) -> None: ...

class VoteResponse(_message.Message):
    __slots__ = ("granted",)
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    granted: bool
    def __init__(self, granted: _Optional[bool] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("index", "term", "kind", "time_ms", "proposer", "version", "length")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    index: int
    term: int
    kind: int
    time_ms: int
    proposer: str
    version: str
    length: int
    def __init__(self, index: _Optional[int] = ..., term: _Optional[int] = ..., kind: _Optional[int] = ..., time_ms: _Optional[int] = ..., proposer: _Optional[str] = ..., version: _Optional[str] = ..., length: _Optional[int] = ...) -> None: ...

class AppendRequest(_message.Message):
    __slots__ = ("prev_index", "prev_term", "entries", "commit")
    PREV_INDEX_FIELD_NUMBER: _ClassVar[int]
    PREV_TERM_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    prev_index: int
    prev_term: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    commit: int
    def __init__(self, prev_index: _Optional[int] = ..., prev_term: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., commit: _Optional[int] = ...) -> None: ...

class AppendResponse(_message.Message):
    __slots__ = ("match_index",)
    MATCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    match_index: int
    def __init__(self, match_index: _Optional[int] = ...) -> None: ...

class AppendRefusal(_message.Message):
    __slots__ = ("rejected_index", "hint_index", "hint_term")
    REJECTED_INDEX_FIELD_NUMBER: _ClassVar[int]
    HINT_INDEX_FIELD_NUMBER: _ClassVar[int]
    HINT_TERM_FIELD_NUMBER: _ClassVar[int]
    rejected_index: int
    hint_index: int
    hint_term: int
    def __init__(self, rejected_index: _Optional[int] = ..., hint_index: _Optional[int] = ..., hint_term: _Optional[int] = ...) -> None: ...

class CommitNotice(_message.Message):
    __slots__ = ("commit", "commit_term")
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    COMMIT_TERM_FIELD_NUMBER: _ClassVar[int]
    commit: int
    commit_term: int
    def __init__(self, commit: _Optional[int] = ..., commit_term: _Optional[int] = ...) -> None: ...

class HeartbeatRequest(_message.Message):
    __slots__ = ("commit", "read_position", "clock_ms", "clock_off_ms", "durable_index")
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    READ_POSITION_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFF_MS_FIELD_NUMBER: _ClassVar[int]
    DURABLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    commit: int
    read_position: int
    clock_ms: int
    clock_off_ms: int
    durable_index: int
    def __init__(self, commit: _Optional[int] = ..., read_position: _Optional[int] = ..., clock_ms: _Optional[int] = ..., clock_off_ms: _Optional[int] = ..., durable_index: _Optional[int] = ...) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("read_position", "echo_ms", "clock_ms")
    READ_POSITION_FIELD_NUMBER: _ClassVar[int]
    ECHO_MS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    read_position: int
    echo_ms: int
    clock_ms: int
    def __init__(self, read_position: _Optional[int] = ..., echo_ms: _Optional[int] = ..., clock_ms: _Optional[int] = ...) -> None: ...

class ReadIndexRequest(_message.Message):
    __slots__ = ("context",)
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    context: int
    def __init__(self, context: _Optional[int] = ...) -> None: ...

class ReadIndexResponse(_message.Message):
    __slots__ = ("context", "index")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    context: int
    index: int
    def __init__(self, context: _Optional[int] = ..., index: _Optional[int] = ...) -> None: ...

class TimeoutNow(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RecallRequest(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class RecallResponse(_message.Message):
    __slots__ = ("number", "vote_term", "ack_term", "ack_index", "last_term", "last_index", "configuration")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VOTE_TERM_FIELD_NUMBER: _ClassVar[int]
    ACK_TERM_FIELD_NUMBER: _ClassVar[int]
    ACK_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    number: int
    vote_term: int
    ack_term: int
    ack_index: int
    last_term: int
    last_index: int
    configuration: bytes
    def __init__(self, number: _Optional[int] = ..., vote_term: _Optional[int] = ..., ack_term: _Optional[int] = ..., ack_index: _Optional[int] = ..., last_term: _Optional[int] = ..., last_index: _Optional[int] = ..., configuration: _Optional[bytes] = ...) -> None: ...
