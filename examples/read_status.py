"""Read the status of a pump over a serial port with public libraries alone."""

import sys
import zlib

import cbor2
import serial
from cobs import cobs

if len(sys.argv) != 2:
    sys.exit("usage: python read_status.py PORT, as `pumpsim serve` shows it")
inside = bytes([1, 0x03]) + cbor2.dumps({0: 1})  # version 1, get_status, request_id 1
crc = zlib.crc32(inside).to_bytes(4, "little")
with serial.Serial(sys.argv[1], 115_200, timeout=2) as port:
    port.write(b"\0" + cobs.encode(inside + crc) + b"\0")
    port.read_until(b"\0")
    answer = cobs.decode(port.read_until(b"\0")[:-1])
print("type", hex(answer[1]), cbor2.loads(answer[2:-4]))
