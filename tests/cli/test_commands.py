"""Commands against a small ledger: what is sent, what is printed in which form, and the exit codes."""

from __future__ import annotations

import base64
import json
import re
import shlex
import time

import pytest

from cli import web
from cli.answers import RULES
from cli.local_ledger import LOCAL_URL
from cli.profiles import Profile, Profiles, SignedIn, config_folder
from cli.program import parser
from cli.reference import DOCUMENT, commands, reference

from .conftest import HERE, Run
from .fake import ROOT, FakeLedger

RECEIPT = '{"eventId": "e-1", "aggregateId": "a", "sequence": 2, "commandId": "k"}'
LARGEST = "999999999999999999.99999999"
ROW = f'{{"AccountId": "a", "Status": "Active", "Balance": {LARGEST}, "Currency": "USD", "LastSequence": 2}}'
EVENT = (
    '{"AggregateId": "a", "EventSequence": 1, "EventId": "e-1", "EventType": "TransactionProcessed", "Actor": "me", '
    '"EventData": {"amount": 100.50, "category": "\\u001b[31mred\\u0000\\u202e"}, '
    '"Timestamp": "2026-01-01T10:00:00.000000Z"}'
)
REFUSED = '{"error": {"code": "RuleBroken", "message": "no money", "details": {"rule": "sufficient-funds"}}}'


@pytest.mark.parametrize("amount", ["100.50", LARGEST])
def test_an_amount_is_text_from_the_command_line_to_the_wire(ledger: FakeLedger, run: Run, amount: str) -> None:
    ledger.replies["sendAccountCommand"] = 200, RECEIPT

    assert run("account", "withdraw", "a", amount, "--id", "k").code == 0

    _, _, headers, body = ledger.asked[-1]
    assert body["eventData"]["amount"] == f"-{amount}"
    assert headers["Idempotency-Key"] == "k"


@pytest.mark.parametrize("key", ["k1,k2", "schlüssel"])
def test_a_key_that_no_header_carries_goes_in_the_body(ledger: FakeLedger, run: Run, key: str) -> None:
    ledger.replies["sendAccountCommand"] = 200, RECEIPT

    assert run("account", "withdraw", "a", "1", "--id", key).code == 0

    _, _, headers, body = ledger.asked[-1]
    assert "Idempotency-Key" not in headers
    assert body["commandId"] == key


def test_an_amount_is_text_from_the_wire_to_the_screen(ledger: FakeLedger, run: Run) -> None:
    ledger.replies["getAccountSummary"] = 200, ROW

    shown, piped, as_json = (
        run("account", "show", "a", terminal=True),
        run("account", "show", "a"),
        run("account", "show", "a", "--json", "Balance"),
    )

    assert "999,999,999,999,999,999.99999999" in shown.out
    assert LARGEST in piped.out
    assert as_json.out == f'{{\n  "Balance": {LARGEST}\n}}\n'


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        ((422, REFUSED), 1, "RuleBroken (sufficient-funds): no money"),
        ((403, '{"message": "Forbidden"}'), 1, "group"),
        ((503, '{"error": {"code": "Strange", "message": "later", "details": {}}}'), 1, "account deposit a 1 --id k"),
        (None, 1, "ledger account deposit a 1 --id k"),
        ((500, '{"error": {"code": "IntegrityBreach", "message": "m", "details": {}}}'), 1, "does not help to send"),
        ((500, '{"error": {"code": "UnreadableEvent", "message": "m", "details": {}}}'), 1, "does not help to send"),
    ],
)
def test_what_goes_wrong_is_told_with_what_to_do(
    ledger: FakeLedger, run: Run, reply: tuple[int, str] | None, code: int, words: str
) -> None:
    ledger.replies["sendAccountCommand"] = reply

    ran = run("account", "deposit", "a", "1", "--id", "k")

    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert "does not help" not in ran.err or "counts once" not in ran.err


@pytest.mark.parametrize(
    "typed",
    [
        ["account", "deposit", "a", "1e5"],
        ["account", "deposit", "a", "0.00"],
        ["account", "at", "a"],
        ["account", "show", "a/b"],
        ["account", "show", "a", "--json", "Balanse"],
        ["account", "show", "a", "--profile", "nowhere"],
        ["nonsense"],
    ],
)
def test_a_command_line_that_makes_no_sense_is_2_and_sends_nothing(
    ledger: FakeLedger, run: Run, typed: list[str]
) -> None:
    assert run(*typed).code == 2
    assert not ledger.asked


def test_a_server_that_is_gone_is_one_sentence_and_how_to_start_it(ledger: FakeLedger, run: Run) -> None:
    Profiles(config_folder()).keep(Profile(HERE, "http://127.0.0.1:9"), default=True)

    ran = run("account", "show", "a")

    assert ran.code == 1
    assert ran.err.splitlines()[0] == "error: nothing answers at http://127.0.0.1:9"
    assert "ledger login --url URL" in ran.err
    assert "Start the ledger with `make serve`" not in ran.err  # which starts another one


def test_make_serve_is_said_for_its_own_address() -> None:
    assert "Start the ledger with `make serve`" in web.unreachable(f"{LOCAL_URL}/accounts/a", "").hint
    assert "Start what was there" in web.unreachable("http://127.0.0.1:9/accounts/a", "").hint


@pytest.mark.parametrize(
    ("id_", "words"), [("..", "The id `..` is reached"), ("a/b", "Ids with `/` or `?` are reached")]
)
def test_an_id_without_a_path_is_told_with_why(ledger: FakeLedger, run: Run, id_: str, words: str) -> None:
    assert words in run("account", "show", id_).err


def test_a_local_profile_signs_in_by_itself_once_and_again_when_its_token_is_not_taken(
    ledger: FakeLedger, run: Run
) -> None:
    ledger.replies["getAccountSummary"] = 200, ROW

    assert run("account", "show", "a").code == 0
    assert run("account", "show", "a").code == 0
    assert ledger.grants == ["authorization_code"]
    ledger.good.clear()
    assert run("account", "show", "a").code == 0
    assert ledger.grants == ["authorization_code", "refresh_token"]
    ledger.good.clear()
    ledger.refuses_refresh = True
    assert run("account", "show", "a").code == 0
    assert ledger.grants[2:] == ["refresh_token", "authorization_code"]


def test_tokens_are_for_their_user_alone(ledger: FakeLedger, run: Run) -> None:
    assert run("login", "--as", "maria").code == 0

    assert ledger.hints == ["maria"]
    assert (config_folder() / "tokens" / "here.json").stat().st_mode & 0o777 == 0o600


def test_who_is_not_signed_in_elsewhere_is_4_and_nothing_is_asked(ledger: FakeLedger, run: Run) -> None:
    Profiles(config_folder()).keep(Profile("prod", "https://ledger.invalid"), default=True)

    ran = run("account", "show", "a")

    assert ran.code == 4
    assert "ledger login --profile prod" in ran.err


def test_what_a_user_wrote_reaches_no_terminal_raw(ledger: FakeLedger, run: Run) -> None:
    ledger.replies["getAccountEvents"] = 200, f'{{"aggregateId": "a", "events": [{EVENT}], "eventCount": 1}}'

    for terminal in (True, False):
        ran = run("account", "history", "a", terminal=terminal)
        assert all(wrong not in ran.out for wrong in ("\x1b[31m", "\0", "\u202e"))
        assert all(len(line) <= 80 or not terminal for line in re.sub(r"\x1b\[\d*m", "", ran.out).splitlines())
    as_json = run("account", "history", "a", "--json")
    assert "\x1b" not in as_json.out
    assert json.loads(as_json.out)[0]["EventData"]["category"] == "\x1b[31mred\0\u202e"


TRANSFER_ID = "46f4ce6a-14d9-4f9a-b0d8-b366be0f51ae"
SUBJECT = "55dc767c-aa97-5d9f-b090-aec7e138724f"
WORDY = " ".join(["an unusually long reference, in words"] * 4)
_LIST = (
    f'{{"TransferId": "{TRANSFER_ID}", "Status": "Requested", "FromAccount": "alice", "ToAccount": "bob", '
    '"Amount": 20000, "Currency": "USD", "Deadline": "2026-01-01T10:00:00.000000Z"}'
)
_ROW = f'{_LIST[:-1]}, "Reference": "{WORDY}", "RequestedBy": "{SUBJECT}"}}'
_EVENT = (
    f'{{"AggregateId": "{TRANSFER_ID}", "EventSequence": 1, "EventId": "e", "EventType": "TransferRequested", '
    f'"Actor": "{SUBJECT}", "EventData": {{"amount": 1, "reference": "{WORDY}"}}, '
    '"Timestamp": "2026-01-01T10:00:00.000000Z"}'
)

_ERROR = f'{{"error": {{"code": "NotFound", "message": "{WORDY} {SUBJECT}", "details": {{}}}}}}'


@pytest.mark.parametrize(
    ("operation", "body", "typed"),
    [
        ("getTransfers", f'{{"transfers": [{_LIST}], "count": 1}}', "transfer list"),
        ("getTransfer", _ROW, "transfer show t"),
        ("getAccountEvents", f'{{"events": [{_EVENT.replace(TRANSFER_ID, "a")}]}}', "account history a"),
        ("getEventsByType", f'{{"events": [{_EVENT}], "count": 1}}', "events list --type TransferRequested"),
        ("getAccountSummary", None, "account show a"),
        (None, None, "account show a --profile nobody"),
    ],
)
def test_at_80_columns_nothing_is_cut_and_no_line_is_longer(
    ledger: FakeLedger, run: Run, operation: str | None, body: str | None, typed: str
) -> None:
    if operation:
        ledger.replies[operation] = (200, body) if body else (404, _ERROR)

    ran = run(*typed.split(), terminal=True)

    shown = re.sub(r"\x1b\[\d*m", "", ran.out + ran.err)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    told = re.sub(r"\s+", " ", shown)
    for long in (TRANSFER_ID, SUBJECT, WORDY):
        assert (long in told) == (long in (body or (_ERROR if operation else ""))), told


def test_no_color_is_heeded(ledger: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.replies["getAccountSummary"] = 200, ROW
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in run("account", "show", "a", terminal=True).out
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" not in run("account", "show", "a", terminal=True).out


def test_money_is_sent_under_the_id_that_is_the_transfers(ledger: FakeLedger, run: Run) -> None:
    ledger.replies["getAccountState"] = 200, '{"reconstructedState": {"currency": "EUR"}}'
    ledger.replies["openTransfer"] = 200, RECEIPT
    ledger.replies["getTransferState"] = 200, '{"reconstructedState": {"status": "Failed"}}'

    assert run("transfer", "send", "a", "b", "100.50", "--id", "t", "--wait").code == 1

    _, _, headers, body = next(each for each in ledger.asked if each[0] == "openTransfer")
    assert headers["Idempotency-Key"] == body["transferId"] == "t"
    assert (body["amount"], body["currency"]) == ("100.50", "EUR")


def test_a_list_without_any_says_of_which_transfers_there_are_none(ledger: FakeLedger, run: Run) -> None:
    ledger.replies["getTransfers"] = 200, '{"transfers": [], "count": 0}'

    assert run("transfer", "list", "--status", "Completed", terminal=True).err.strip() == "No transfer is Completed."
    assert run("transfer", "list", terminal=True).err.strip() == "No transfers are under way."
    assert [query.get("status") for name, query, *_ in ledger.asked if name == "getTransfers"] == ["Completed", None]


def test_every_rule_of_the_ledger_has_a_word_on_what_to_do() -> None:
    section = (ROOT / "docs/events.md").read_text("utf-8").partition("## The rules")[2].partition("###")[0]
    rules = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)

    assert set(rules) == set(RULES)


def test_the_document_lists_every_command_as_the_parser_has_it() -> None:
    assert DOCUMENT.read_text("utf-8").endswith(reference())


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--actor", "x"], "--actor goes with --direct"),
        (["--outputs", "x"], "--outputs goes with --direct"),
        (["--direct", "--profile", "local"], "--profile goes with the API"),
    ],
)
def test_an_option_that_this_way_does_not_read_is_refused(
    ledger: FakeLedger, run: Run, more: list[str], named: str
) -> None:
    ran = run("account", "show", "a", *more)

    assert ran.code == 2
    assert named in ran.err
    assert not ledger.asked


def test_an_id_without_a_path_is_refused_before_anything_is_sent(ledger: FakeLedger, run: Run) -> None:
    """A transfer could be requested under it, and nobody could see or approve of it."""
    ran = run("transfer", "send", "a", "b", "1", "--currency", "USD", "--id", "t/1", "--wait")

    assert (ran.code, ledger.asked) == (2, [])
    assert "--direct" in ran.err


def test_a_profile_that_the_environment_names_wrong_is_2(
    ledger: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a b", "nowhere"):
        monkeypatch.setenv("LEDGER_PROFILE", name)
        ran = run("account", "show", "a")
        assert ran.code == 2
        assert repr(name) in ran.err


def test_a_transfer_that_failed_says_which_rule_refused_it(ledger: FakeLedger, run: Run) -> None:
    failed = '{"EventType": "TransferFailed", "EventData": {"code": "RuleBroken", "rule": "sufficient-funds"}}'
    ledger.replies["openTransfer"] = 200, RECEIPT
    ledger.replies["getTransferState"] = 200, '{"reconstructedState": {"status": "Failed"}}'
    ledger.replies["getTransferEvents"] = 200, f'{{"events": [{failed}], "eventCount": 1}}'

    ran = run("transfer", "send", "a", "b", "1", "--currency", "USD", "--id", "t", "--wait")

    assert ran.code == 1
    assert ran.err == ("error: RuleBroken (sufficient-funds): the money did not arrive\nMore: ledger transfer show t\n")


@pytest.mark.parametrize(("step", "account"), [("check", "b"), ("credit", "b"), ("reserve", "a")])
def test_a_transfer_that_failed_by_a_currency_names_both(ledger: FakeLedger, run: Run, step: str, account: str) -> None:
    why = f'"code": "RuleBroken", "rule": "account-currency", "step": "{step}"'
    ends = f'"FromAccount": "a", "ToAccount": "b", "FailedStep": "{step}"'
    ledger.replies["openTransfer"] = 200, RECEIPT
    ledger.replies["getTransferState"] = 200, '{"reconstructedState": {"status": "Failed"}}'
    ledger.replies["getAccountState"] = 200, '{"reconstructedState": {"currency": "EUR"}}'
    ledger.replies["getTransferEvents"] = (
        200,
        f'{{"events": [{{"EventType": "TransferFailed", "EventData": {{{why}}}}}]}}',
    )
    ledger.replies["getTransfer"] = 200, f'{{"Rule": "account-currency", {ends}, "Currency": "USD"}}'
    told = f"{account} is kept in EUR, and the transfer is in USD"

    sent = run("transfer", "send", "a", "b", "1", "--currency", "USD", "--id", "t", "--wait")
    assert sent.err.startswith(f"error: RuleBroken (account-currency): {told}; the money did not arrive\n")
    assert run("transfer", "show", "t", terminal=True).err == f"{told}.\n"
    del ledger.replies["getAccountState"]  # whoever cannot be asked adds nothing
    assert run("transfer", "show", "t", terminal=True).code == 0


def test_what_goes_wrong_while_it_waits_says_that_it_was_requested(ledger: FakeLedger, run: Run) -> None:
    ledger.replies["openTransfer"] = 200, RECEIPT
    waits = '{"reconstructedState": {"status": "Requested", "needsApproval": true}}'
    for reply, words in (((200, waits), "it waits for somebody's approval"), (None, "before an answer came")):
        ledger.replies["getTransferState"] = reply

        ran = run("transfer", "send", "a", "b", "1", "--currency", "USD", "--id", "t", "--wait", "0.001")

        assert ran.code == 1
        assert ran.err.startswith("error: it was requested, and then: ")
        assert words in ran.err
        assert ran.err.endswith("How it goes: ledger transfer show t\n")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            '{"status": "Requested", "needsApproval": true}',
            "It waits for somebody else's approval, by a profile of theirs:\n"
            "  ledger transfer approve t --profile NAME\n",
        ),
        ('{"status": "Requested", "needsApproval": false}', ""),
        ('{"status": "Approved", "needsApproval": true}', ""),
        (None, ""),
    ],
)
def test_a_transfer_that_nobody_waits_for_says_that_somebody_else_must_approve(
    ledger: FakeLedger, run: Run, reply: str | None, told: str
) -> None:
    ledger.replies["openTransfer"] = 200, RECEIPT
    ledger.replies["getTransferState"] = (200, f'{{"reconstructedState": {reply}}}') if reply else None

    ran = run("transfer", "send", "a", "b", "1", "--currency", "USD", "--id", "t", terminal=True)

    assert (ran.code, ran.err) == (0, f"How it goes: ledger transfer show t\n{told}")
    assert ran.out.startswith("Requested 1 USD from a to b (")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_no_line_of_the_tail_is_wider_than_the_terminal(
    ledger: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """But for one value that is wider by itself, in a block."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.commands.events.time.sleep", interrupt)
    ledger.replies["getEventsByType"] = 200, f'{{"events": [{EVENT}], "count": 1}}'

    ran = run("events", "tail", "--since", "2020-01-01T00:00:00Z", terminal=True, columns=width)

    assert ran.code == 0
    lines = re.sub(r"\x1b\[\d*m", "", ran.out).splitlines()
    assert all(len(line) <= max(width, 60) for line in lines)
    assert any("100.50" in line for line in lines)
    assert any("TransactionProcessed" in line for line in lines)


def test_who_asked_is_named_where_it_is_who_is_signed_in(ledger: FakeLedger, run: Run) -> None:
    """By the token: events name an id, and no name is stored with it."""
    payload = base64.urlsafe_b64encode(json.dumps({"sub": SUBJECT}).encode()).decode().rstrip("=")
    signed_in = SignedIn(ledger.url, f"h.{payload}.s", "", time.time() + 3600, f"{ledger.url}/token", "client", "ada")
    profiles = Profiles(config_folder())
    profiles.keep_signed_in(profiles.get(HERE), signed_in)
    ledger.replies["getTransfer"] = 200, _ROW[:-1] + ', "ApprovedBy": "somebody-else"}'

    shown = run("transfer", "show", "t", terminal=True).out

    assert re.search(rf"Requested by +{SUBJECT} \(you, ada\)\n", shown)
    assert re.search(r"Approved by +somebody-else\n", shown)
    assert "ada" not in run("transfer", "show", "t").out


@pytest.mark.parametrize(
    "typed",
    [
        "account show alice --json Foo",
        "account deposit alice 1,000",
        "account deposit alice 1 --category 'Rent Money'",
        "transfer send a b 1 --deadline yesterday",
        "transfer list --status Gone",
        "events tail --type Nonsense",
        "account show",
        *[f"{' '.join(name.split()[1:])} --help" for name, _ in commands(parser())],
    ],
)
def test_what_argparse_says_fits_the_terminal(ledger: FakeLedger, run: Run, typed: str) -> None:
    ran = run(*shlex.split(typed), terminal=True)

    assert max(map(len, f"{ran.out}\n{ran.err}".splitlines())) <= 80, ran


def test_an_error_of_the_command_line_names_the_program_as_it_was_called(
    ledger: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_CALLED", ".venv/bin/ledger")

    ran = run("account", "show")

    assert (ran.code, ran.err.splitlines()[-1]) == (2, "See: .venv/bin/ledger account show --help")
