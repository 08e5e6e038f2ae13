"""Which TCP peers may speak the uwsgi protocol to us: loopback and private networks, and what `allow-from` names.

Runs in: worker, once for each new address.  Whoever speaks uwsgi is believed in everything: REMOTE_ADDR, REMOTE_USER,
HTTPS.
"""

import ipaddress
from collections.abc import Iterable

# Addresses remembered; a scan from many addresses must not grow without bound.
CACHE_SIZE = 4096


class Peers:
    """The rule, with a memory.  `networks` are CIDR networks or single addresses."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]
        self._known: dict[str, bool] = {}

    def admits(self, host: str) -> bool:
        """Whether the peer at the numeric address `host` may connect."""
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= CACHE_SIZE:
                self._known.clear()
            known = self._known[host] = self._decide(host)
        return known

    def _decide(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback or address.is_private or address.is_link_local:
            return True
        return any(address in network for network in self._networks)
