"""Which addresses of web servers are taken, in settings: of a form that all programs read alike."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

# Narrow, so that whoever takes it apart finds the same host in it, and no password.
_WEB_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<address>[0-9a-fA-F:.]+)\]|(?P<name>[\w.-]+))"
    r"(?::(?P<port>\d{1,5}))?(?P<path>/[\w.~/-]*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The parts of an address."""

    is_encrypted: bool
    host: str  # a name or an IP address, lower case, without brackets
    path: str  # "" or what begins with a slash


def web_address(value: str) -> WebAddress | None:
    """Return the parts of ``value``, None when it is no address or holds more than one should."""
    matched = _WEB_ADDRESS.fullmatch(value)
    if not matched or int(matched["port"] or 0) > 65535:
        return None
    host = matched["address"] or matched["name"]
    try:
        # A name that ends in digits is taken for an address by whoever connects.
        if matched["address"] or host.rpartition(".")[2].isdigit():
            ip_address(host)
        else:
            host.encode("idna")  # labels of 1 to 63 characters
    except ValueError:
        return None
    return WebAddress(matched["scheme"] == "https", host.lower(), matched["path"] or "")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a server that listens on ``host``, an IP address."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
