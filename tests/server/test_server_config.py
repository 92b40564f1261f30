"""The configuration: loopback only, random keys."""

from __future__ import annotations

import yaml

from lkdiag.server.private import Ports, as_yaml, free_ports, private_config, random_key


def test_everything_is_on_loopback() -> None:
    config = private_config(Ports(http=1000, udp=1001), random_key())
    assert config["port"] == 1000
    assert config["bind_addresses"] == ["127.0.0.1"]
    rtc = config["rtc"]
    assert isinstance(rtc, dict)
    assert (rtc["udp_port"], rtc["node_ip"], rtc["use_external_ip"]) == (1001, "127.0.0.1", False)
    assert rtc["tcp_port"] == 0  # the server would listen on every interface
    assert rtc["interfaces"]["includes"] in (["lo"], ["lo0"])


def test_webhooks_only_when_asked_for() -> None:
    key = random_key()
    assert "webhook" not in private_config(free_ports(), key)
    webhook = private_config(free_ports(), key, ["http://127.0.0.1:1/hook"])["webhook"]
    assert webhook == {"api_key": key.key, "urls": ["http://127.0.0.1:1/hook"]}


def test_every_key_is_another_and_its_secret_is_long_and_unprinted() -> None:
    one, other = random_key(), random_key()
    assert one.key != other.key
    assert one.secret != other.secret
    assert len(one.secret) >= 32
    assert one.secret not in repr(one)


def test_yaml_says_the_same() -> None:
    config = private_config(Ports(http=1000, udp=1001), random_key())
    assert yaml.safe_load(as_yaml(config)) == config
