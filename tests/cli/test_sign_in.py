"""Signing in and out: in a browser, which an HTTP client plays here, and by a token that is renewed."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cli import sign_in
from cli.errors import SignInNeeded, Unreachable
from cli.local_ledger import LOCAL_URL
from cli.profiles import LOCAL, Profile, Profiles, SignedIn, config_folder, named
from cli.sign_in import Session

from .conftest import HERE, Run
from .fake import FakeLedger

PROD = Profile("prod", "https://ledger.invalid")
Browser = Callable[[str], object]


def visit(url: str) -> int:
    """The status of a page."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:  # noqa: S310 -- of this machine
            return int(page.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def back(address: str, **answer: str) -> str:
    """Where the sign-in page sends the browser."""
    asked = parse_qs(urlsplit(address).query)
    return f"{asked['redirect_uri'][0]}?{urlencode({'state': asked['state'][0], **answer})}"


def challenge(address: str) -> str:
    return parse_qs(urlsplit(address).query)["code_challenge"][0]


@pytest.fixture
def callback(monkeypatch: pytest.MonkeyPatch) -> str:
    """Another port than the real one, which somebody on this machine may wait on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        url = f"http://localhost:{found.getsockname()[1]}/callback"
    monkeypatch.setattr(sign_in, "CALLBACK", url)
    return url


@pytest.fixture
def browser(callback: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Browser], None]]:
    """Sets what the browser does with the address that it is sent to, while the program waits."""
    opened: list[threading.Thread] = []

    def use(does: Browser) -> None:
        def open_(address: str) -> bool:
            opened.append(threading.Thread(target=does, args=(address,)))
            opened[-1].start()
            return True

        monkeypatch.setattr(webbrowser, "open", open_)

    yield use
    for each in opened:
        each.join()


def kept() -> list[str]:
    """Whose tokens there are."""
    return sorted(each.name for each in config_folder().glob("tokens/*"))


def test_a_browser_brings_the_code_back(ledger: FakeLedger, run: Run, browser: Callable[[Browser], None]) -> None:
    seen: list[int] = []
    browser(lambda address: seen.append(visit(back(address, code=ledger.code(challenge(address))))))

    ran = run("login", "--browser")

    assert (ran.code, seen) == (0, [200])
    assert ledger.grants == ["authorization_code"]
    assert "Sign in in the browser" in ran.err
    assert kept() == ["here.json"]


def test_only_the_answer_to_this_sign_in_ends_it(
    ledger: FakeLedger, run: Run, browser: Callable[[Browser], None], callback: str
) -> None:
    """A page that knows the callback's address can bring neither a code of its own nor the sign-in down."""
    seen: list[int] = []

    def mislead(address: str) -> None:
        code = ledger.code(challenge(address))
        urls = (
            f"{callback}?{urlencode({'code': 'theirs', 'state': 'theirs'})}",
            f"{callback}?code=theirs",
            f"{callback}?error=access_denied",
            back(address, code="theirs").replace("/callback", "/favicon.ico"),
            back(address, code=code),
        )
        seen.extend(map(visit, urls))

    browser(mislead)

    assert run("login", "--browser").code == 0
    assert seen == [404, 404, 404, 404, 200]
    assert ledger.grants == ["authorization_code"]


def test_the_state_is_asked_for_again_where_the_code_is_read() -> None:
    attempt = sign_in.Attempt.new(sign_in.Client("client", "https://x.invalid", "https://x.invalid", (), {}))

    assert attempt.code(f"code=1&state={attempt.state}") == "1"
    for query in ("code=1&state=other", "code=1", "code=1&state=", ""):
        with pytest.raises(SignInNeeded, match="not of this sign-in"):
            attempt.code(query)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "access_denied", "error_description": "Not you\x1b[2J"}, "refused: Not you\\x1b[2J"),
        ({"error": "access_denied"}, "refused: access_denied"),
        ({}, "refused: no code came back"),
        ({"code": "used-before"}, "refused: invalid_grant"),
    ],
)
def test_who_is_not_let_in_is_4_and_nothing_is_kept(
    ledger: FakeLedger, run: Run, browser: Callable[[Browser], None], answer: dict[str, str], words: str
) -> None:
    browser(lambda address: visit(back(address, **answer)))

    ran = run("login", "--browser", "--profile", "p", "--url", ledger.url)

    assert ran.code == 4
    assert words in ran.err
    assert "ledger login" in ran.err
    assert (kept(), [each.name for each in Profiles(config_folder()).all()]) == ([], [HERE, LOCAL])


def test_a_code_is_good_once_and_with_its_own_secret(ledger: FakeLedger) -> None:
    client = sign_in.Client.of(ledger.url)
    one, other = sign_in.Attempt.new(client), sign_in.Attempt.new(client)
    code = ledger.code(challenge(one.address()))

    with pytest.raises(SignInNeeded, match="invalid_grant"):
        other.tokens(code, ledger.url)
    code = ledger.code(challenge(one.address()))
    assert one.tokens(code, ledger.url).access_token in ledger.good
    with pytest.raises(SignInNeeded, match="invalid_grant"):
        one.tokens(code, ledger.url)


def test_a_port_that_is_taken_is_told(ledger: FakeLedger, run: Run, browser: object, callback: str) -> None:
    port = int(callback.rpartition(":")[2].removesuffix("/callback"))
    with socket.create_server(("127.0.0.1", port)):
        ran = run("login", "--browser")

    assert (ran.code, kept()) == (1, [])
    assert ran.err.startswith(f"error: port {port} of this machine is taken")
    assert "try again" in ran.err


def test_nobody_is_waited_for_for_ever(ledger: FakeLedger, callback: str) -> None:
    told: list[str] = []
    client = sign_in.Client.of(ledger.url)

    with pytest.raises(SignInNeeded, match="nobody signed in within"):
        sign_in.with_browser(Profile("p", ledger.url), client, told.append, open_browser=False, patience=0.05)

    assert told[0] == "Open this address in a browser on this machine:"
    assert told[1].startswith(f"{ledger.url}/oauth2/authorize?response_type=code&")


def test_only_the_address_is_printed_where_that_is_asked_for_on_the_embedded_aws_too(
    ledger: FakeLedger, run: Run, callback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is signed in by themselves, and no browser is opened."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sign_in._Listener, "handle_request", interrupt)
    monkeypatch.setattr(webbrowser, "open", pytest.fail)

    ran = run("login", "--no-browser")

    told, address, ended = ran.err.splitlines()
    assert (ran.code, told, ended) == (130, "Open this address in a browser on this machine:", "Interrupted.")
    assert address.startswith(f"{ledger.url}/oauth2/authorize?")
    assert kept() == []


def test_ctrl_c_ends_the_waiting(ledger: FakeLedger, run: Run, callback: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sign_in._Listener, "handle_request", interrupt)

    monkeypatch.setattr(webbrowser, "open", lambda _: False)

    ran = run("login", "--browser")

    assert (ran.code, ran.err.splitlines()[-1]) == (130, "Interrupted.")


@pytest.mark.parametrize(
    "changed",
    [
        {"tokenUrl": "http://elsewhere.example/token"},
        {"tokenUrl": "file:///etc/passwd"},
        {"authorizeUrl": "http://elsewhere.example/authorize"},
        {"authorizeUrl": "--new-window"},
        {"authorizeUrl": "https://x.example/\x1b[2J"},
        {"authorizeUrl": None},
    ],
)
def test_what_is_secret_goes_nowhere_that_others_can_read(
    ledger: FakeLedger, run: Run, browser: Callable[[Browser], None], monkeypatch: pytest.MonkeyPatch, changed: object
) -> None:
    opened: list[str] = []
    browser(opened.append)
    ledger.config |= dict(changed)  # type: ignore[call-overload]

    ran = run("login", "--browser")

    assert ran.code == 1
    assert "does not say how to sign in" in ran.err
    assert (opened, ledger.grants) == ([], [])


def test_an_address_in_a_file_is_no_better_than_one_that_is_typed(ledger: FakeLedger, run: Run) -> None:
    for url in ("file:///etc/passwd", "http://elsewhere.example", "nonsense"):
        Profiles(config_folder()).keep(Profile("p", url), default=True)

        ran = run("login")

        assert ran.code == 1
        assert "neither https nor this machine" in ran.err


def prod(ledger: FakeLedger, *, expires: float) -> Session:
    """A session of a ledger that is not of this machine, signed in to."""
    profiles = Profiles(config_folder())
    profiles.keep(PROD, default=True)
    ledger.refresh.add("mine")
    token_url = f"{ledger.url}/oauth2/token"
    profiles.keep_signed_in(PROD, SignedIn(PROD.url, "old", "mine", expires, token_url, "client", "maria"))
    return Session(profiles, PROD, now=lambda: 1000.0)


def test_a_token_is_renewed_before_it_expires_and_not_long_before(ledger: FakeLedger) -> None:
    assert prod(ledger, expires=1061).access_token() == "old"
    assert ledger.grants == []

    assert prod(ledger, expires=1060).access_token() in ledger.good

    assert ledger.grants == ["refresh_token"]
    signed_in = Profiles(config_folder()).signed_in(PROD)
    assert signed_in is not None
    assert (signed_in.access_token in ledger.good, signed_in.user) == (True, "maria")


def test_one_that_nobody_renews_is_4_and_says_where_to_sign_in(ledger: FakeLedger, run: Run) -> None:
    prod(ledger, expires=0)
    ledger.refuses_refresh = True

    ran = run("account", "show", "a")

    assert ran.code == 4
    assert ran.err == "error: the sign-in has expired\nSign in: ledger login --profile prod\n"


def test_an_issuer_that_is_gone_costs_nobody_the_sign_in(ledger: FakeLedger) -> None:
    session = prod(ledger, expires=0)
    signed_in = session.profiles.signed_in(PROD)
    assert signed_in is not None
    session.profiles.keep_signed_in(PROD, replace(signed_in, token_url="http://127.0.0.1:9/token"))

    with pytest.raises(Unreachable):
        session.access_token()

    assert session.profiles.signed_in(PROD) is not None


def test_two_commands_that_renew_beside_each_other_both_go_on(
    ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an issuer that takes each refresh token once: who comes second finds what the first one got."""
    ledger.rotates = True
    slow, fast = prod(ledger, expires=0), Session(Profiles(config_folder()), PROD)
    late = slow.profiles.signed_in(PROD)
    got = fast.access_token()
    reads = iter([late])
    monkeypatch.setattr(slow.profiles, "signed_in", lambda _: next(reads, None) or fast.profiles.signed_in(PROD))

    assert slow.renewed() == got
    assert ledger.grants == ["refresh_token", "refresh_token"]


def test_logout_forgets_and_takes_the_refresh_token_back(ledger: FakeLedger, run: Run) -> None:
    assert run("login", "--as", "maria").code == 0

    ran = run("logout")

    assert (ran.code, kept()) == (0, [])
    assert ledger.revoked == ["again-"]
    assert "The next command signs maria in by itself" in ran.err
    assert run("logout").err == "Nobody was signed in to here.\n"


def test_logout_forgets_where_the_issuer_does_not_and_says_so(ledger: FakeLedger, run: Run) -> None:
    session = prod(ledger, expires=2000)
    signed_in = session.profiles.signed_in(PROD)
    assert signed_in is not None
    for url in ("http://127.0.0.1:9/oauth2/token", "https://issuer.example/token"):
        session.profiles.keep_signed_in(PROD, replace(signed_in, token_url=url))

        ran = run("logout")

        assert (ran.code, kept()) == (0, [])
        assert "refresh token lasts until it expires" in ran.err


def test_what_is_kept_is_for_its_user_alone(ledger: FakeLedger, run: Run) -> None:
    assert run("login").code == 0

    folder = config_folder()
    assert {path.relative_to(folder).as_posix(): oct(path.stat().st_mode & 0o777) for path in folder.rglob("*")} == {
        "profiles.json": "0o600",
        "profiles.lock": "0o600",
        "tokens": "0o700",
        "tokens/here.json": "0o600",
    }


def test_profiles_that_are_kept_at_once_are_all_kept(tmp_path: Path) -> None:
    wanted = [f"p{number}" for number in range(24)]
    at_once = threading.Barrier(len(wanted))

    def keep(name: str) -> None:
        at_once.wait(20)
        Profiles(tmp_path).keep(Profile(name, "https://x.example"), default=True)

    keeping = [threading.Thread(target=keep, args=(name,)) for name in wanted]
    for each in keeping:
        each.start()
    for each in keeping:
        each.join()

    assert {each.name for each in Profiles(tmp_path).all()} == {*wanted, LOCAL}


def test_an_address_without_a_profile_gets_one_of_its_own(ledger: FakeLedger, run: Run) -> None:
    own = named(ledger.url)

    ran = run("login", "--url", f"{ledger.url}/console/", "--as", "maria")

    assert (ran.code, own) == (0, ledger.url.removeprefix("http://").replace(".", "-").replace(":", "-"))
    assert f"(profile {own})" in ran.err
    profiles = Profiles(config_folder())
    assert (profiles.default(), profiles.get(own).url) == (own, ledger.url)
    assert (profiles.get(LOCAL).url, profiles.get(HERE).url) == (LOCAL_URL, ledger.url)


def test_no_profile_is_given_another_address_without_a_word(ledger: FakeLedger, run: Run) -> None:
    own = named(ledger.url)
    Profiles(config_folder()).keep(Profile(own, "https://x.example"), default=False)
    for typed, told in (
        (("--profile", LOCAL), f"error: the profile local is the ledger of `make serve`, {LOCAL_URL}\n"),
        ((), f"error: the profile '{own}' is of https://x.example\n"),
    ):
        ran = run("login", *typed, "--url", ledger.url)
        assert (ran.code, kept()) == (2, [])
        assert ran.err == f"{told}Name another: ledger login --profile NAME --url {ledger.url}\n"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (LOCAL_URL, LOCAL),
        ("http://127.0.0.1:4569", "127-0-0-1-4569"),
        ("http://[::1]:4567", "1-4567"),
        ("https://d1.cloudfront.net", "d1-cloudfront-net"),
        (f"https://{'x' * 80}.example", "x" * 64),
    ],
)
def test_the_name_of_an_address(url: str, name: str) -> None:
    assert named(url) == name


def test_local_is_make_serves_whatever_an_older_file_says(tmp_path: Path) -> None:
    (tmp_path / "profiles.json").write_text(
        '{"profiles": {"local": {"url": "http://127.0.0.1:9", "as": "m"}}}', "utf-8"
    )

    assert Profiles(tmp_path).get(LOCAL) == Profile(LOCAL, LOCAL_URL, "m")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", None])
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("account show a", 1),
        ("login", 1),
        ("logout", 1),
        ("whoami", 1),
        ("profiles", 1),
        ("completion bash", 0),
        ("__complete account show --profile ''", 1),
    ],
)
def test_a_damaged_file_of_profiles_is_a_sentence(
    ledger: FakeLedger, run: Run, content: bytes | None, typed: str, code: int
) -> None:
    damage(config_folder() / "profiles.json", content)

    ran = run(*typed.split())

    assert ran.code == code
    if code:
        first, hint = ran.err.splitlines()
        assert first.startswith(f"error: {config_folder() / 'profiles.json'} cannot be read: ")
        assert hint == "Mend it, or remove it and sign in again: ledger login"


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_a_damaged_file_of_tokens_is_mended_by_signing_in_or_out(ledger: FakeLedger, run: Run, content: bytes) -> None:
    damage(config_folder() / "tokens/here.json", content)

    ran = run("account", "show", "a")
    assert (ran.code, len(ran.err.splitlines())) == (1, 2)
    assert run("profiles").code == 0
    assert run("logout").code == 0
    assert kept() == []
    damage(config_folder() / "tokens/here.json", content)
    assert run("login").code == 0
    assert run("whoami").code == 0


@pytest.mark.parametrize("content", ["[1]", "{}", '{"url": 7}', "null"])
def test_tokens_of_another_version_are_none(ledger: FakeLedger, run: Run, content: str) -> None:
    damage(config_folder() / "tokens/here.json", content.encode())

    assert run("whoami").code == 0
    assert ledger.grants == ["authorization_code"]


def test_a_folder_that_takes_no_file_is_a_sentence(ledger: FakeLedger, run: Run, tmp_path: Path) -> None:
    damage(config_folder() / "tokens", b"")

    ran = run("login")

    assert ran.code == 1
    assert "cannot be written" in ran.err or "cannot be read" in ran.err


def damage(path: Path, content: bytes | None) -> None:
    """Put something else in a file's place; None: a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
