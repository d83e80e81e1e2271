"""The environment, read once: production unless it says otherwise, and nothing that cannot be run with."""

from pathlib import Path

import pytest

from app import config, up
from app.config import SANDBOX_PEPPER, BadSetting, read

PEPPER = "a pepper of at least 32 characters"
OLD_KEY, NEW_KEY = "o" * 40, "n" * 40


def test_a_machine_that_says_nothing_is_a_production_machine() -> None:
    settings = read({"HUONG_PEPPER": PEPPER})
    assert settings.mode == "production"
    assert settings.sandbox is False
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.server, settings.workers, settings.log_level) == ("uvicorn", 1, "info")
    assert (
        settings.database_url is settings.database_owner_url is settings.redis_url is settings.metrics_token is None
    )
    assert settings.trusted_proxies == ()
    assert settings.clock_offset_s == 0


def test_an_empty_setting_is_one_that_was_not_made() -> None:
    names = (
        "HUONG_MODE",
        "HOST",
        "PORT",
        "DATA_DIR",
        "DATABASE_URL",
        "REDIS_URL",
        "HUONG_WORKERS",
        "HUONG_LOG_LEVEL",
    )
    assert read({"HUONG_PEPPER": PEPPER} | dict.fromkeys(names, "")) == read({"HUONG_PEPPER": PEPPER})


def test_a_sandbox_needs_no_pepper_and_says_so() -> None:
    settings = read({"HUONG_MODE": "sandbox"})
    assert settings.sandbox is True
    assert settings.keys == {"1": SANDBOX_PEPPER}


def test_what_is_said_is_taken() -> None:
    settings = read(
        {
            "HUONG_MODE": "sandbox",
            "HOST": "0.0.0.0",
            "PORT": "443",
            "DATA_DIR": "/srv/huong",
            "DATABASE_URL": "postgresql://app@db/huong",
            "HUONG_SERVER": "granian",
            "HUONG_WORKERS": "4",
            "HUONG_LOG_LEVEL": "warning",
            "HUONG_CLOCK_OFFSET_S": "-60",
            "HUONG_METRICS_TOKEN": "s3cret",
        }
    )
    assert (settings.host, settings.port, settings.data_dir) == ("0.0.0.0", 443, Path("/srv/huong"))
    assert settings.database_url == "postgresql://app@db/huong"
    assert (settings.server, settings.workers, settings.log_level) == ("granian", 4, "warning")
    assert (settings.clock_offset_s, settings.metrics_token) == (-60, "s3cret")


@pytest.mark.parametrize(
    "text", ["10.0.0.1,10.0.0.2", "10.0.0.1, 10.0.0.2", " 10.0.0.1 ,10.0.0.2,", "10.0.0.1 10.0.0.2"]
)
def test_proxies_are_a_list_however_it_is_spaced(text: str) -> None:
    assert read({"HUONG_MODE": "sandbox", "HUONG_TRUSTED_PROXIES": text}).trusted_proxies == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    "pepper",
    ["", "short", "p" * 31, SANDBOX_PEPPER, f"2:{NEW_KEY},short", f"2:short,{NEW_KEY}", f"1:{SANDBOX_PEPPER}"],
)
def test_production_needs_a_pepper_of_its_own(pepper: str) -> None:
    with pytest.raises(BadSetting, match="production needs HUONG_PEPPER") as refused:
        read({"HUONG_PEPPER": pepper})
    assert not pepper or pepper not in str(refused.value)


@pytest.mark.parametrize(
    ("pepper", "keys"),
    [
        (PEPPER, {"1": PEPPER}),
        (f"2:{NEW_KEY}", {"2": NEW_KEY}),
        (f"2:{NEW_KEY},1:{OLD_KEY}", {"2": NEW_KEY, "1": OLD_KEY}),
        (f" 2026-11:{NEW_KEY}\n1:{OLD_KEY}\n", {"2026-11": NEW_KEY, "1": OLD_KEY}),
        (f"2:{NEW_KEY}, {OLD_KEY}", {"2": NEW_KEY, "1": OLD_KEY}),
        (f"2:{NEW_KEY} {PEPPER}", {"2": NEW_KEY, "1": PEPPER}),
    ],
)
def test_keys_are_a_ring_with_the_newest_first(pepper: str, keys: dict[str, str]) -> None:
    kept = read({"HUONG_PEPPER": pepper}).keys
    assert list(kept.items()) == list(keys.items())


@pytest.mark.parametrize(
    ("pepper", "why"),
    [
        (f"2:{NEW_KEY},2:{OLD_KEY}", "same id"),
        (f"1:{NEW_KEY},{OLD_KEY}", "same id"),
        (f"2:{NEW_KEY},1:{NEW_KEY}", "same secret"),
        (f"{OLD_KEY},2:{NEW_KEY}", "only be last"),
        (f"KEY:{NEW_KEY}", "only be last"),
        (f"{'a' * 17}:{NEW_KEY}", "only be last"),
    ],
)
def test_keys_that_could_be_mistaken_are_refused_without_being_shown(pepper: str, why: str) -> None:
    with pytest.raises(BadSetting, match=why) as refused:
        read({"HUONG_PEPPER": pepper})
    assert NEW_KEY not in str(refused.value)
    assert OLD_KEY not in str(refused.value)


@pytest.mark.parametrize("name", config.SECRETS)
def test_a_secret_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    scheme = "redis" if name == "REDIS_URL" else "postgresql"
    secret = f"{scheme}://huong:{OLD_KEY}@db/huong" if name.endswith("_URL") else OLD_KEY
    file.write_text(f"{secret}\n")
    others = {} if name == "HUONG_PEPPER" else {"HUONG_PEPPER": PEPPER}
    assert read({**others, f"{name}_FILE": str(file)}) == read({**others, name: secret})
    assert read({**others, f"{name}_FILE": str(file)}) != read({"HUONG_PEPPER": PEPPER})


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://huong:pass/word@db/huong", "postgresql://huong:pass#word@db/huong", "huong:password@db/huong",
        "postgresql://huong:pass?word@db/huong", "mysql://huong:password@db/huong", "postgresql://huong:pass[word@db/huong",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL: it must be an address") as refused:
        read({"HUONG_PEPPER": PEPPER, "DATABASE_URL": address})
    assert "pass" not in str(refused.value).replace("user:password@host", "")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://huong_app@/huong?host=/run", "postgres://a:b@[::1]:5432/huong", "postgresql:///huong",
        "postgresql://huong:p%2Fw@one:5432,two:5432/huong", "postgresql://postgres:@/postgres?host=/tmp/x",
    ],
)  # fmt: skip
def test_an_address_may_have_any_form_that_postgresql_knows(address: str) -> None:
    assert read({"HUONG_PEPPER": PEPPER, "DATABASE_URL": address}).database_url == address


def test_whoever_prints_the_settings_sees_no_secret() -> None:
    settings = read(
        {
            "HUONG_PEPPER": f"2:{NEW_KEY},{OLD_KEY}",
            "DATABASE_URL": "postgresql://huong:s%26cret@db/huong",
            "HUONG_FACE_KEY": "the key of the face",
        }
    )
    secrets = {NEW_KEY, OLD_KEY, "s%26cret", "s&cret", "the key of the face"}
    assert set(settings.secrets()) == secrets
    assert not [secret for secret in secrets if secret in f"{settings} {settings!r}"]


def test_a_secret_that_is_in_two_places_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pepper"
    file.write_text(OLD_KEY)
    with pytest.raises(BadSetting, match="HUONG_PEPPER and HUONG_PEPPER_FILE are both set"):
        read({"HUONG_PEPPER": PEPPER, "HUONG_PEPPER_FILE": str(file)})


def test_the_children_of_up_are_told_an_address_once(tmp_path: Path) -> None:
    file = tmp_path / "address"
    file.write_text("postgresql://huong@db/huong\n")
    outer = {"HUONG_MODE": "sandbox", "DATABASE_URL_FILE": str(file)}
    assert read(up.environment_of(read(outer), outer)) == read(outer)


def test_a_secrets_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    empty, binary, folder = tmp_path / "empty", tmp_path / "binary", tmp_path / "folder"
    empty.touch()
    binary.write_bytes(b"\xff\xfe")
    folder.mkdir()
    for file in (empty, binary, folder, tmp_path / "nowhere"):
        with pytest.raises(BadSetting, match=f"HUONG_FACE_KEY_FILE={file}") as refused:
            read({"HUONG_PEPPER": PEPPER, "HUONG_FACE_KEY_FILE": str(file)})
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUONG_MODE", "test"),
        ("HUONG_MODE", "Sandbox"),
        ("HUONG_SERVER", "gunicorn"),
        ("HUONG_LOG_LEVEL", "loud"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("HUONG_WORKERS", "0"),
        ("HUONG_WORKERS", "1.5"),
        ("HUONG_DATABASE_CONNECTIONS", "1"),
        ("HUONG_TILL_LANES", "9"),
        ("HUONG_CLOCK_OFFSET_S", "tomorrow"),
    ],
)
def test_a_setting_that_cannot_be_run_with_is_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name) as refused:
        read({"HUONG_MODE": "sandbox", name: value})
    assert "\n" not in str(refused.value)
    assert value in str(refused.value)


def test_production_refuses_another_time() -> None:
    with pytest.raises(BadSetting, match="HUONG_CLOCK_OFFSET_S"):
        read({"HUONG_PEPPER": PEPPER, "HUONG_CLOCK_OFFSET_S": "1"})


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = config.settings()
    monkeypatch.setenv("PORT", "4711")
    assert config.settings() is before
