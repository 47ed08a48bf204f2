"""The sentences of docs/protocol.md: what the tables cannot say. Numbers come from the code."""

from typing import Final

from protocol.codec import MAX_DEPTH, MAX_JSON_BYTES, encode_payload, to_json
from protocol.framing import MAX_FRAME_BYTES, MAX_PAYLOAD_BYTES, crc_of
from protocol.messages import MAX_SAFE, PROTOCOL_VERSION, AskHeader, GetStatus, Packet
from protocol.outcomes import MAX_OUTCOMES
from protocol.schema import schema_hash
from protocol.session import IDLE_LIMIT_MS, MAX_SESSIONS, VALIDITY_LIMIT_MS
from protocol.wire import encode

EXAMPLE_ID: Final = 7
EXAMPLE: Final = Packet(AskHeader(request_id=EXAMPLE_ID), GetStatus())

PAGE: Final = """\
# The pump link, version {version}

Generated from the declarations in `protocol/` by `python -m protocol.document --write`; not to be
edited. Schema hash `{schema_hash:#010x}`: the CRC-32 of all declarations. `identity` and `opened`
carry it, so that two ends that differ find out before anything is commanded.

Golden vectors of every message, in both encodings: `tests/vectors/messages.json`.

## Who speaks

A client sends *asks*, which change nothing, and *commands*, which do. The pump answers each with
one *reply*, and says some things unasked, as *notices*. Replies and notices are never answered, so
that a link which echoes falls silent. Each message is a header and a body; the kind of the message
says which header it has.

Values are absolute, never increments. The unit stands last in a field's name. An unknown value is
absent, never zero.

## On a byte stream: serial and TCP

```
00  COBS( version, type, payload …, CRC )  00
```

- `version` is one byte, {version}. `type` is one byte, from the tables below.
- `CRC` is CRC-32/ISO-HDLC over version, type and payload (reflected polynomial 0xEDB88320, initial
  value and final xor 0xFFFFFFFF; of the ASCII text `123456789` it is 0xCBF43926), 4 bytes, least
  significant first.
- COBS is Consistent Overhead Byte Stuffing: no zero byte stands inside a frame. Between the zeros
  stand at most {max_frame} bytes; that leaves {max_payload} for the payload.
- A zero is sent before a frame as well as behind it. Empty frames between zeros are ignored.
- A frame that fails COBS, length or CRC is counted and dropped, never answered.
- A sound frame that is no valid request gets one `refused` with reason `malformed`,
  `unknown_message`, or for another version `unsupported`; with the `request_id` it had if that
  could be read, otherwise 0. The rate of such answers is limited.

### Payload

One CBOR map (RFC 8949) that holds the fields of header and body together, by their keys: 0 to 7
belong to the header, 8 and above to the body. Used are unsigned and negative integers, text,
booleans, arrays and maps, nested at most {max_depth} deep. An integer is never beyond ±{max_safe}
(2^53 - 1).

A message has exactly one encoding: keys ascend, every length and integer takes its shortest form,
what is unknown is left out. Refused is everything else: null, floats, byte strings, tags,
indefinite lengths, duplicate or unknown keys, bytes behind the map.

### An example

`get_status` with `request_id` {request_id}, without a session:

```
payload     {payload}              map of one pair: key 0, value {request_id}
inside      {inside}        version {version}, type 0x03, payload
with CRC    {sealed}
frame       {frame}
JSON        {json}
```

## On MQTT

MQTT 3.1.1, JSON in UTF-8, at most {max_json} bytes. A message is one flat object: `type` is the
message's name, then the fields of header and body by their names. Words travel by name, unknown
values as null or not at all. Refused are duplicate and unknown names, fractions, exponents, and
integers beyond ±{max_safe}.

| Topic | What | QoS | Retained |
|---|---|---|---|
| `pumpsim/{{device}}/status` | `presence`: birth, and as last will its end | 1 | yes |
| `pumpsim/{{device}}/telemetry` | `telemetry` | 0 | no |
| `pumpsim/{{device}}/alarm` | `alarm_changed` | 1 | no |
| `pumpsim/{{device}}/event` | `event_logged`, `booted` | 1 | no |
| `pumpsim/{{device}}/sample` | `sampled` | 0 | no |
| `pumpsim/{{device}}/request/{{client}}` | from the client: asks and commands | 0 | ignored |
| `pumpsim/{{device}}/reply/{{client}}` | to that client: replies | 0 | no |

`device` and `client` are 1 to 32 of `A-Z a-z 0-9 . _ -`. A client picks a name of its own and
subscribes to its reply topic before it asks. A request that the broker has kept is never carried
out. One that is published with the retain flag while the device is there is: no broker tells it
from another one (MQTT 3.1.1, 3.3.1.3).

## Sessions

Asks need no session. A command needs one: `open` declares a role and gives a `session_id`. Every
command carries the header below, and is checked in this order; the first rule that fails is the
reason in `refused`:

1. `boot_id` is that of the running device: `stale_boot`.
2. `session_id` is open: `no_session`.
3. `sequence` is above that of the session's last command: `stale_sequence`. A repetition is exempt.
4. `command_id` is new. The same id with the same body is a repetition: it is not carried out again,
   and gets the reply it got then. With another body: `command_id_reused`.
5. `valid_until_uptime_ms` has not passed: `expired`; and lies at most {validity_h} h ahead:
   `validity_too_long`. The device's uptime is in the header of every reply and notice.
6. No other session holds the right to write: `busy`. The first command of a session takes it, and
   holds it until the session ends, whatever becomes of the link. `close` needs no such right.

Then the control logic decides, and first of all whether the role may: `role`. A patient may
acknowledge alarms, pause their sound and `close`; every other command is for clinician and
service. Anybody may ask anything. Its refusals are remembered like its deeds; refusals by the rules
above are not. The last {max_outcomes} outcomes are remembered, over reboots too.

- **A reply was lost.** Send the same frame again: at most one of them acts. Or ask `query_outcome`.
- **The device failed while it carried a command out.** `interrupted`: nothing of it is left; it is
  safe to send it anew under another `command_id`. Where memory already had it, it is done, and the
  repetition and `query_outcome` say so. `firmware_fault` means that nobody knows yet: ask again
  once the device has booted.
- **The device rebooted.** Its `boot_id` has grown; every session is gone. Open a new one, and send
  the same `command_id` and body under it: what was carried out before is not carried out again.
- **A snapshot was restored.** `timeline_id` has changed: links are closed, sessions are gone, and
  the device knows nothing of what happened after the snapshot.
- A session ends with `close`, or after {idle_min} min of device time without traffic. An ask that
  carries its `session_id` is traffic. There are at most {max_sessions}: `too_many_sessions`.
- A role is declared, not proven: this release has no authentication.
"""


def page() -> str:
    """The sentences, with the numbers and the worked example in place."""
    payload, frame = encode_payload(EXAMPLE), encode(EXAMPLE)
    inside = bytes([PROTOCOL_VERSION, GetStatus.code]) + payload
    return PAGE.format(
        version=PROTOCOL_VERSION,
        schema_hash=schema_hash(),
        max_frame=MAX_FRAME_BYTES,
        max_payload=MAX_PAYLOAD_BYTES,
        max_depth=MAX_DEPTH,
        max_safe=MAX_SAFE,
        max_json=MAX_JSON_BYTES,
        max_outcomes=MAX_OUTCOMES,
        max_sessions=MAX_SESSIONS,
        validity_h=VALIDITY_LIMIT_MS // 3_600_000,
        idle_min=IDLE_LIMIT_MS // 60_000,
        request_id=EXAMPLE_ID,
        payload=payload.hex(" "),
        inside=inside.hex(" "),
        sealed=(inside + crc_of(inside)).hex(" "),
        frame=frame.hex(" "),
        json=to_json(EXAMPLE),
    )
