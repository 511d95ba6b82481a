# SPDX-License-Identifier: MIT
"""Packets of collectd's network protocol: encrypted, taken apart, and recorded ones
made into those of other hosts at other times.

The formats are those of collectd's "Binary protocol".
"""
import ctypes
import ctypes.util
import hashlib
import os
import struct
from types import SimpleNamespace

HOST, VALUES, TIME, INTERVAL, ENCRYPTED = 0x0000, 0x0006, 0x0008, 0x0009, 0x0210
TEXTS = {HOST: "host", 0x0002: "plugin", 0x0003: "plugin_instance",
         0x0004: "type", 0x0005: "type_instance"}
HEADER = struct.Struct(">HH")
NUMBER = struct.Struct(">q")
GAUGE, DERIVE = 1, 2
# collectd counts time in 2^-30 s.
SECOND = 1 << 30
# What libgcrypt calls them.
AES256, OFB = 9, 5


class Cipher:
    """AES-256 in OFB, in which encrypting and decrypting are the same"""

    def __init__(self, password):
        name = ctypes.util.find_library("gcrypt")
        if not name:
            raise SystemExit("fleet_bench: needs libgcrypt")
        self.library = ctypes.CDLL(name)
        self.library.gcry_check_version(None)
        self.handle = ctypes.c_void_p()
        self.call("open", ctypes.byref(self.handle), AES256, OFB, 0)
        key = hashlib.sha256(password.encode()).digest()
        self.call("setkey", self.handle, key, ctypes.c_size_t(len(key)))

    def call(self, name, *arguments):
        status = getattr(self.library, f"gcry_cipher_{name}")(*arguments)
        if status:
            raise SystemExit(f"fleet_bench: gcry_cipher_{name}: {status:#x}")

    def apply(self, data, vector):
        buffer = ctypes.create_string_buffer(bytes(data), len(data))
        self.call("setiv", self.handle, vector,
                  ctypes.c_size_t(len(vector)))
        self.call("encrypt", self.handle, buffer,
                  ctypes.c_size_t(len(data)), None, ctypes.c_size_t(0))
        return buffer.raw


class Security:
    """What the examples for fleets set: an encrypted packet is one part"""

    def __init__(self, user, password):
        self.user = user.encode()
        self.cipher = Cipher(password)

    def encrypt(self, packet):
        vector = os.urandom(16)
        secret = self.cipher.apply(
            hashlib.sha1(packet).digest() + packet, vector)
        user = struct.pack(">H", len(self.user)) + self.user
        length = HEADER.size + len(user) + len(vector) + len(secret)
        return HEADER.pack(ENCRYPTED, length) + user + vector + secret

    def decrypt(self, packet):
        kind, length = HEADER.unpack_from(packet)
        assert kind == ENCRYPTED and length == len(packet)
        start = HEADER.size + 2 + len(self.user)
        assert packet[HEADER.size + 2:start] == self.user
        text = self.cipher.apply(packet[start + 16:],
                                 packet[start:start + 16])
        assert hashlib.sha1(text[20:]).digest() == text[:20]
        return text[20:]


def parts(packet):
    """(kind, where its content begins, where it ends), ..."""
    place = 0
    while place < len(packet):
        kind, length = HEADER.unpack_from(packet, place)
        assert length > HEADER.size
        yield kind, place + HEADER.size, place + length
        place += length


def numbers(packet, begin):
    """(type, where it is), ... of a part with values"""
    count, = struct.unpack_from(">H", packet, begin)
    first = begin + 2 + count
    return [(packet[begin + 2 + index], first + 8 * index)
            for index in range(count)]


def value_lists(packet):
    """A namespace of identifier, time and values for each value list"""
    current = {}
    for kind, begin, end in parts(packet):
        if kind in TEXTS:
            current[TEXTS[kind]] = packet[begin:end - 1].decode()
            if kind == 0x0002:
                current["plugin_instance"] = ""
            if kind in (0x0002, 0x0004):
                current["type_instance"] = ""
        elif kind == TIME:
            current["time"] = NUMBER.unpack_from(packet, begin)[0] / SECOND
        elif kind == VALUES:
            yield SimpleNamespace(**{
                "plugin_instance": "", "type_instance": "", **current},
                values=[struct.unpack_from("<d" if kind == GAUGE else ">q",
                                           packet, place)[0]
                        for kind, place in numbers(packet, begin)])


class Template:
    """A recorded packet, and where in it is what changes"""

    def __init__(self, packet):
        self.packet = packet
        self.hosts, self.times, self.counters = [], [], []
        self.count = 0
        for kind, begin, end in parts(packet):
            if kind == HOST:
                self.hosts.append((begin, end - 1))
            elif kind == TIME:
                self.times.append(begin)
            elif kind == INTERVAL:
                self.interval = begin
            elif kind == VALUES:
                self.count += 1
                self.counters += [
                    (place, NUMBER.unpack_from(packet, place)[0])
                    for number, place in numbers(packet, begin)
                    if number == DERIVE]

    def play(self, host, moment, interval, increase):
        """The packet of another host, whose counters have increased by so
        much"""
        packet = bytearray(self.packet)
        for begin, end in self.hosts:
            assert len(host) == end - begin
            packet[begin:end] = host
        for place in self.times:
            NUMBER.pack_into(packet, place, moment)
        NUMBER.pack_into(packet, self.interval, interval)
        for place, value in self.counters:
            NUMBER.pack_into(packet, place, value + increase)
        return bytes(packet)
