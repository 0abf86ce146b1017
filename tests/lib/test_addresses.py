"""Addresses are judged alike whatever their spelling, and a URL leads to one place or nowhere."""

import asyncio

import pytest

from imagestudio.lib.addresses import Blocked, Destination, is_own, is_public, resolve


def _words(text: str) -> list[str]:
    return text.split()


PRIVATE = _words("""
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.1.2.3
168.63.129.16 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:8.8.8.8 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::7f00:1 100::1 2001::1 2001:0:7f00:1::1 2001:db8::1
2002:7f00:1:: 2002:808:808:: 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%lo
fec0::1 ff02::1 ff0e::1
""")
PUBLIC = _words("""
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0
192.0.1.1 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001:82b::200e
""")
ODD_URLS = [
    "",
    "//127.0.0.1/",
    "/path",
    "127.0.0.1",
    "http:",
    "http:127.0.0.1",
    "http:/127.0.0.1/",
    "http:///127.0.0.1",
    "http://",
    "http://?",
    "http://:80/",
    "file:///etc/passwd",
    "gopher://example.com/_x",
    "ftp://example.com/",
    "unix:///run/redis.sock",
    "http+unix://%2Frun%2Fredis.sock/",
    "javascript:alert(1)",
    "http://a.b@127.0.0.1/",
    "http://a:b@example.com/",
    "http://@example.com/",
    "https://example.com@127.0.0.1/",
    "http://ok\\@127.0.0.1/",
    "http://127.0.0.1\\@ok/",
    "http://example.com\\..\\x",
    "http:\\\\example.com/",
    "http://127.1/",
    "http://0/",
    "http://0x7f.1/",
    "http://0X7F.0.0.1/",
    "http://0177.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://127.0.0.1./",
    "http://127.0.0.256/",
    "http://1.2.3.4.5/",
    "http://example.0x7f/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://127｡0｡0｡1/",
    "http://①②⑦.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://example.com%00.evil/",
    "http://example.com%2f/",
    "http://[::1%25lo]/",
    "http://[fe80::1%lo]/",
    "http://[::1/",
    "http://::1/",
    "http://[1.2.3.4]x/",
    "http://[v1.a]/",
    "http://example..com/",
    "http://.example.com/",
    "http://-a.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:99999/",
    "http://example.com:8_0/",
    "http://example.com:+80/",
    "http://example.com:-80/",
    "http://example.com:80:80/",
    "http://example.com:/",
    "http://example.com:８０/",
    "http://example.com /",
    " http://example.com/",
    "http://example.com/ ",
    "http://example.com/\n",
    "http://example.com\t/",
    "http://exa\tmple.com/",
    "http://example.com/\r\nX-Injected: 1",
    "http://example.com/\x00",
    "http://example.com/\x7f",
    "http://example.com/\ud800",
    "http://example.com/" + "a" * 20_000,
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_machine_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "example.com", "127.1", "0x7f.0.0.1", "1.2.3.4 ", "[::1]"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


def test_an_address_of_an_own_interface_is_known_as_own() -> None:
    assert is_own("127.0.0.1")
    assert not is_own("8.8.8.8")
    assert not is_own("2606:4700:4700::1111")


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_odd_url_is_blocked(url: str) -> None:
    with pytest.raises(Blocked):
        Destination.read(url)


@pytest.mark.parametrize(
    ("url", "host_port"),
    [
        ("http://example.com", "example.com:80"),
        ("HTTPS://Example.COM/a?b=c#d", "example.com:443"),
        ("https://example.com?x", "example.com:443"),
        ("http://example.com:8080/a b".replace(" ", "%20"), "example.com:8080"),
        ("https://xn--bcher-kva.example/ü", "xn--bcher-kva.example:443"),
        ("http://a_b.example./", "a_b.example.:80"),
        ("http://127.0.0.1#@example.com", "127.0.0.1:80"),
        ("https://[2606:4700:4700::1111]/", "[2606:4700:4700::1111]:443"),
        ("http://[::FFFF:7f00:1]:81/", "[::ffff:7f00:1]:81"),
        ("http://localhost./", "localhost.:80"),
    ],
)
def test_a_plain_url_leads_to_one_place(url: str, host_port: str) -> None:
    assert Destination.read(url).host_port == host_port


@pytest.mark.parametrize(
    "location",
    [
        "https://other.example/",
        "//other.example/",
        "http://example.com/",
        "https://user@example.com/",
        "https://example.com.evil/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "/a\\b",
        "/a\r\nSet-Cookie: x",
    ],
)
def test_a_redirect_elsewhere_is_blocked(location: str) -> None:
    with pytest.raises(Blocked):
        Destination.read("https://example.com/start").onward(location)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b", "https://example.com/b"),
        ("b?c", "https://example.com/b?c"),
        ("https://EXAMPLE.com:443/b", "https://EXAMPLE.com:443/b"),
    ],
)
def test_a_redirect_within_the_host_is_followed(location: str, url: str) -> None:
    assert Destination.read("https://example.com/start").onward(location).url == url


def test_an_address_is_not_looked_up() -> None:
    assert asyncio.run(resolve("2606:4700:4700::1111", 443)) == ("2606:4700:4700::1111",)


def test_a_name_gives_each_of_its_addresses_once() -> None:
    found = asyncio.run(resolve("localhost", 80))

    assert "127.0.0.1" in found
    assert len(found) == len(set(found))
