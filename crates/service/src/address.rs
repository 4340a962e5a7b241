//! Which addresses a server may call on behalf of a vendor: those that anybody can reach. A vendor names where webhooks go; the
//! machines beside this one, and the cloud's own services, are none of a vendor's business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `address` is one of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = match a {
        // "This network", loopback, and multicast with all that comes after it.
        0 | 127 | 224.. => true,
        // Shared by a carrier's customers; some clouds have their metadata there.
        100 => (64..128).contains(&b),
        // Protocol assignments and the old relay of 6to4.
        192 => (b, c) == (0, 0) || (b, c) == (88, 99),
        // Benchmarks.
        198 => b == 18 || b == 19,
        _ => false,
    };
    // 169.254.169.254 is link-local.
    !(reserved || address.is_private() || address.is_link_local() || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let at = address.segments();
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match (at[0], at[1]) {
        // NAT64 leads to whatever IPv4 address is in it.
        (0x64, 0xff9b) if at[2..6] == [0; 4] => embedded(at[6], at[7]),
        // So does 6to4.
        (0x2002, _) => embedded(at[1], at[2]),
        // Teredo and the other protocol assignments, documentation.
        (0x2001, 0..0x200 | 0xdb8) | (0x3fff, 0..0x1000) => false,
        // What is globally routed begins with the bits 001: loopback, IPv4 in IPv6, unique local, link-local, site-local and
        // multicast do not.
        _ => (0x2000..0x4000).contains(&at[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.1.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:4860::8",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn addresses_beside_this_machine_are_not_in_whatever_form() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }
}
