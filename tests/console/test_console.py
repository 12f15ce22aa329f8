"""The console in a real Chromium, on the whole stack: one deployment and one browser for all of these."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import Any
from urllib.parse import quote

import pytest

from handlers.domain import account
from handlers.domain.facts import NEWEST
from handlers.domain.generated.classes import AccountCreated
from handlers.sourcing import times
from handlers.sourcing.command import Command
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.store.branches import Branches
from handlers.store.event_store import MAX_TRANSACTION_ITEMS, EventStore
from handlers.store.replays import Replays, State
from handlers.store.snapshots import Snapshot, Snapshots
from local.client import StackClient
from local.deploy import deploy
from local.engine import Engine
from tests.console import example
from tests.console.browser import Visit, chromium, launched
from tests.console.people import Person
from tests.domain.builders import NOW, older, story
from tests.effort import LONG
from tests.http_api import trials
from tests.local.conftest import DISORDER, PROJECT

pytestmark = pytest.mark.slow

if chromium() is None:
    pytest.skip("there is no Chromium (apt-get install chromium, or name it in CHROMIUM)", allow_module_level=True)
pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")
playwright = pytest.importorskip("playwright.sync_api", reason="`make extras` adds Playwright, where it has a wheel")

SCRIPT = "<img src=x onerror=\"document.title='hacked'\"><script>alert(1)</script>"
LARGEST = "999999999999999999.99999999"
LENGTH = 100_000 if LONG else 2_500
APPROVAL_ABOVE = "5000"


@dataclass
class Served:
    ledger: StackClient
    console: str
    maria: Person


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The stack, with two accounts of some thirty events and a transfer between them."""
    with Engine(stream_disorder=DISORDER) as engine:
        deployment = deploy(
            engine.endpoint, "local", PROJECT, config_overrides={"transferApprovalAbove": APPROVAL_ABOVE}
        )
        console = str(deployment.outputs["consoleUrl"])
        maria = Person.named(console, "maria")
        example.seed(maria)
        yield Served(StackClient({**deployment.outputs, "endpoint": engine.endpoint}), console, maria)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver, launched(driver) as found:
        yield found


Open = Callable[..., Visit]


@pytest.fixture
def opened(served: Served, browser: Any) -> Iterator[Open]:
    """Tabs, each of its own browser profile. None of them may have met a fault or offended against its policy."""
    contexts: list[Any] = []
    visits: list[Visit] = []

    def open_(name: str | None = "maria", **settings: Any) -> Visit:
        contexts.append(browser.new_context(**settings))
        visits.append(Visit(contexts[-1], served.console))
        if name:
            visits[-1].sign_in(name)
        return visits[-1]

    yield open_
    for context in contexts:
        context.close()
    assert [fault for visit in visits for fault in visit.faults] == []


@pytest.fixture
def visit(opened: Open) -> Visit:
    return opened()


_numbers = itertools.count(1)


def fresh(served: Served, balance: str = "100.50") -> str:
    """A new account with something on it."""
    name = f"fresh-{next(_numbers)}"
    served.maria.tell(name, "AccountCreated", currency="EUR")
    served.maria.tell(name, "TransactionProcessed", amount=balance)
    return name


def sequence(served: Served, name: str) -> int:
    return int(served.maria.ask("GET", f"/accounts/{quote(name, safe='')}/state")[1]["eventsProcessed"])


def test_from_an_opened_account_through_a_deposit_and_a_transfer_back_in_time(served: Served, visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Open account").click()
    page.get_by_label("Account id").fill("account-789")
    page.get_by_label("Currency").fill("eur")
    page.get_by_text("Would be event 1").wait_for()
    page.get_by_role("button", name="Open the account").click()
    visit.heading("account-789")

    page.get_by_role("link", name="Deposit").click()
    page.get_by_label("Amount").fill("100.50")
    page.get_by_role("button", name="Deposit").click()
    page.get_by_text("The balance went up").wait_for()
    assert visit.amount("Balance") == "100.50 EUR"

    page.get_by_role("link", name="Withdraw").click()
    page.get_by_label("Amount").fill("100.51")
    page.locator(".foresight .rule", has_text="sufficient-funds").wait_for()  # while one types
    page.get_by_role("button", name="Withdraw").click()
    page.locator(".problem .rule", has_text="sufficient-funds").wait_for()

    page.get_by_role("link", name="Send").click()
    page.get_by_label("To account").fill(example.HOUSE)
    page.get_by_label("Amount").fill("20.25")
    page.get_by_role("button", name="Send").click()
    page.locator(".now .status", has_text="Completed").wait_for()
    own, between = page.locator(".room > .tree > li > .tree > li"), page.locator(".tree .tree .tree > li")
    assert [own.count(), between.count()] == [2, 3]  # the request led to two, the commitment to three

    visit.go("accounts", "account-789")
    assert visit.amount("Balance") == "80.25 EUR"
    page.get_by_label("Event", exact=True).first.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name="The state then").wait_for()
    changed = page.locator(".changed", has_text="Balance")
    assert changed.locator("del").text_content() == "0.00 EUR"
    assert changed.locator("ins").text_content() == "100.50 EUR"
    page.get_by_role("button", name="Before the first event").click()
    page.get_by_text("Nothing has happened yet").wait_for()


def test_an_account_is_opened_in_the_ledgers_own_currency_and_another_one_is_named(
    served: Served, visit: Visit
) -> None:
    page, maria = visit.page, served.maria
    default = AccountCreated().currency
    visit.go("open")
    assert page.get_by_label("Currency").get_attribute("placeholder") == default
    page.get_by_label("Account id").fill("carol")
    with page.expect_request("**/carol/commands") as sent:
        page.get_by_role("button", name="Open the account").click()
    visit.heading("carol")
    assert "currency" not in sent.value.post_data_json["eventData"]
    maria.tell("alice", "AccountCreated")  # as the command line says it
    maria.tell("alice", "TransactionProcessed", amount="10")
    maria.transfer("to-carol", fromAccount="alice", toAccount="carol", amount="1", currency=default)
    maria.has("/transfers/to-carol", lambda row: row.get("Status") == "Completed")

    maria.transfer("to-house", fromAccount="alice", toAccount=example.HOUSE, amount="1", currency=default)
    maria.has("/transfers/to-house", lambda row: row.get("Status") == "Failed")
    visit.go("transfers", "to-house")
    page.get_by_text(f"{example.HOUSE} is kept in EUR, and the transfer is in USD.").wait_for()


def test_who_comes_back_sees_what_others_did(served: Served, visit: Visit) -> None:
    """For one small request where nothing has happened; and the slider stays where it was."""
    page, name, asked = visit.page, fresh(served), []
    visit.go("accounts", name, at="1")
    page.get_by_text("Event 1").first.wait_for()
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.settled()
    assert [url.partition("/accounts/")[2] for url in asked] == [f"{name}/events?fromSequence=3&limit=1"]

    for come_back, balance in (
        ("dispatchEvent(new Event('focus'))", "99.50 EUR"),
        ("document.dispatchEvent(new Event('visibilitychange'))", "98.50 EUR"),
    ):
        served.maria.tell(name, "TransactionProcessed", amount="-1")
        page.evaluate(come_back)
        visit.settled()
        assert visit.amount("Balance") == balance
        assert page.get_by_label("Event", exact=True).first.input_value() == "1"

    waiting(served, "watched")
    visit.go("transfers", "watched")
    cancel = {"eventType": "TransferCancelled", "eventData": {}}
    assert served.maria.ask("POST", "/transfers/watched/commands", cancel)[0] == 200
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.locator(".now .status", has_text="Cancelled").wait_for()


def test_all_of_it_goes_without_a_mouse(served: Served, opened: Open) -> None:
    name = fresh(served)
    visit = opened(None)
    page = visit.page
    page.goto(visit.console)
    page.get_by_role("button", name="Sign in").wait_for()

    def reach(role: str, text: str) -> None:
        """By Tab alone."""
        wanted = page.get_by_role(role, name=text, exact=True).first.element_handle()
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("wanted => document.activeElement === wanted", wanted):
                return
        raise AssertionError(f"Tab does not come to {text}")

    reach("button", "Sign in")
    page.keyboard.press("Enter")
    page.get_by_label("Your name").wait_for()
    page.keyboard.type("maria")
    page.keyboard.press("Enter")
    page.get_by_text("Sign out").wait_for()
    reach("textbox", "Id")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.get_by_text("The state now").wait_for()
    reach("slider", "Event")
    page.keyboard.press("Home")
    page.get_by_text("Nothing has happened yet").wait_for()
    page.keyboard.press("End")
    page.get_by_text("The state now").wait_for()
    visit.page.evaluate("document.activeElement.blur()")
    reach("link", "Deposit")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Deposit money").wait_for()
    reach("textbox", "Amount")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.get_by_text("The state now").wait_for()
    assert sequence(served, name) == 3


VIEWS: list[tuple[tuple[str, ...], dict[str, str]]] = [
    ((), {}),
    (("open",), {}),
    (("accounts", example.MARIA), {"at": "20"}),
    (("accounts", example.MARIA, "statement"), {}),
    (("accounts", example.MARIA, "events"), {}),
    (("accounts", example.MARIA, "deposit"), {}),
    (("accounts", example.MARIA, "close"), {}),
    (("accounts", "nobody"), {}),
    (("accounts", example.TRANSFER), {}),
    (("transfers", example.MARIA), {}),
    (("transfers",), {}),
    (("transfers",), {"status": "Completed"}),
    (("transfers", example.TRANSFER), {}),
    (("transfers", "waits"), {}),
    (("correlations", example.TRANSFER), {}),
    (("events",), {"type": "TransactionProcessed"}),
    (("accounts", example.MARIA, "verify"), {}),
    (("operations", "health"), {}),
    (("operations", "dead-letters"), {}),
    (("operations", "replays"), {}),
    (("operations", "replays", "waits"), {}),
    (("operations", "replays", "nobody"), {}),
    (("operations", "branches"), {}),
    (("operations", "branches", "trial"), {}),
    (("operations", "branches", "trial", "poor"), {}),
]


def test_an_id_of_the_other_kind_leads_to_its_view(served: Served, visit: Visit) -> None:
    wrong = [("accounts", example.TRANSFER, "a transfer"), ("transfers", example.MARIA, "an account")]
    for collection, id_, what in wrong:
        visit.go(collection, id_)
        visit.page.get_by_text(f"This is {what}, not").wait_for()
        visit.page.get_by_role("link", name=f"look at {id_}").click()
        visit.page.locator(".now").wait_for()
        assert visit.page.url.endswith(f"#/{'transfers' if collection == 'accounts' else 'accounts'}/{id_}")


def waiting(served: Served, name: str) -> None:
    """A transfer that somebody must approve of."""
    data = {"fromAccount": example.MARIA, "toAccount": example.HOUSE, "amount": "6000", "currency": "EUR"}
    served.maria.transfer(name, **data)
    served.maria.has(f"/transfers/{name}", lambda row: row.get("Status") == "Requested")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_accessible_and_fits_a_narrow_screen(served: Served, opened: Open, scheme: str) -> None:
    waiting(served, "waits")
    tried(served)
    visit = opened(color_scheme=scheme, viewport={"width": 360, "height": 740})
    grounds, found, wide = set(), [], []
    for parts, query in VIEWS:
        visit.go(*parts, **query)
        if visit.page.locator("details").count():
            visit.page.locator("summary").first.click()
        found += [f"{parts}: {each}" for each in visit.accessibility()]
        wide += [parts] if visit.overflow() > 0 else []
        grounds.add(visit.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert found == []
    assert wide == []
    assert grounds == {{"light": "rgb(246, 245, 241)", "dark": "rgb(18, 24, 26)"}[scheme]}


def test_transfers_that_have_ended_are_listed_by_their_status(served: Served, visit: Visit) -> None:
    served.maria.has(f"/transfers/{example.TRANSFER}", lambda row: row.get("Status") == "Completed")
    visit.go("transfers")
    visit.page.get_by_label("Status").select_option("Completed")
    visit.page.get_by_role("button", name="Show").click()
    visit.page.get_by_role("heading", name="Completed transfers").wait_for()
    visit.page.get_by_role("link", name=example.TRANSFER).wait_for()


def test_what_people_wrote_is_text_and_never_a_script(served: Served, visit: Visit) -> None:
    id_ = 'evil <img src=x onerror="alert(1)">'
    maria = served.maria
    maria.tell(id_, "AccountCreated", customerId=SCRIPT, accountType=SCRIPT, currency="EUR", note=SCRIPT)
    maria.tell(id_, "TransactionProcessed", SCRIPT, amount="5", transactionId=SCRIPT, note={SCRIPT: [SCRIPT]})
    maria.transfer("evil", fromAccount=id_, toAccount=example.HOUSE, amount="1", currency="EUR", reference=SCRIPT)
    maria.has("/transfers/evil", lambda row: row.get("Status") == "Completed")
    data = {"fromAccount": id_, "toAccount": example.HOUSE, "amount": "1", "currency": "EUR"}
    assert maria.ask("POST", "/transfers", {**data, "transferId": "evil-2", "correlationId": SCRIPT})[0] == 200
    for parts in (
        ("accounts", id_), ("accounts", id_, "statement"), ("accounts", id_, "events"), ("accounts", id_, "send"),
        ("transfers", "evil"), ("transfers", "evil-2"), ("events",), ("accounts", SCRIPT.replace("/", "")), (),
    ):  # fmt: skip
        visit.go(*parts, **({"type": "AccountCreated"} if parts == ("events",) else {}))
        for each in visit.page.locator("summary").all():
            each.click()
        assert visit.page.locator("img:not([src='icon.svg']), #app script, iframe").count() == 0
        assert visit.page.title() != "hacked"
    visit.go("transfers", "evil")
    assert SCRIPT in visit.page.get_by_label("Now", exact=True).text_content()


def tried(served: Served) -> None:
    """Replays, one of them paused and one that nobody moves; a branch on which other rules were tried: once for all."""
    client, outputs = served.ledger.aws("dynamodb"), served.ledger.outputs
    replays, branches = Replays(client, outputs["replaysTable"]), Branches(client, outputs["branchesTable"])
    if replays.read("waits"):
        return
    trials.replay("waits", state=State.PAUSED, among=replays, rate=10_000, aggregateIds=[example.MARIA])
    trials.replay("moves", times.to_text(datetime.now(UTC)), among=replays)
    trials.replay("stands", among=replays)
    trials.replay("files", times.to_text(datetime.now(UTC)), segments=1, among=replays, target="file")
    on = trials.branch("trial", among=branches)[1]
    poor = [
        trials.decision(1, root=True),
        trials.decision(2, root=False, kind="other-events"),
        {**trials.decision(3, root=False, kind="refused-accepted"), "commandId": SCRIPT},
    ]
    more = {f"rich-{number:03}": [trials.decision(1, root=True)] for number in range(110)}
    trials.backtest(branches, on, {"poor": poor, **more}, unread=(SCRIPT,))
    trials.touch(branches, on, "poor")


def test_replays_are_seen_and_paused_resumed_and_cancelled_when_one_is_sure(served: Served, visit: Visit) -> None:
    tried(served)
    page = visit.page
    visit.go("operations", "replays")
    states = {row.locator("a").first.text_content(): row for row in page.locator("tbody tr").all()}
    assert [str(states[name].locator(".status").text_content()) for name in ("waits", "moves", "stands")] == [
        *("paused", "running", "stalled")
    ]
    page.get_by_role("link", name="moves", exact=True).click()
    visit.heading("moves")
    visit.settled()
    now = page.get_by_label("Now", exact=True)
    assert page.get_by_label("Segments", exact=True).locator("tbody tr").count() == 16

    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Leave it").click()
    assert served.maria.ask("GET", "/operations/replays/moves")[1]["state"] == "running"
    page.get_by_role("button", name="Pause").click()
    page.keyboard.press("Enter")  # the focus is on what was asked for
    page.get_by_text("It is paused.").wait_for()
    now.get_by_text("paused").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="End it").click()
    now.get_by_text("cancelled").wait_for()
    assert page.get_by_label("What can be done").count() == 0

    visit.go("operations", "replays", "files")
    assert "being written" in str(now.text_content())
    buttons = page.get_by_label("What can be done").get_by_role("button")
    assert buttons.all_text_contents() == ["Cancel …"], "it is stopped where it was started"

    visit.go("operations", "replays", "waits")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Resume it").click()
    now.get_by_text("completed").wait_for()  # the page follows what moves
    assert now.locator("progress").get_attribute("value") == "100"
    assert served.maria.ask("GET", "/operations/replays/waits")[1]["sent"] > 20


def test_a_branch_shows_what_other_rules_would_have_decided_and_why(served: Served, visit: Visit) -> None:
    """And what others wrote is text."""
    tried(served)
    page = visit.page
    visit.go("operations", "branches")
    page.get_by_role("link", name="trial").click()
    visit.heading("trial")
    visit.settled()

    kinds = page.get_by_label("Decisions that differ", exact=True).locator(".measured").all_text_contents()
    assert [[int(each) for each in re.findall(r"\d+", kind)] for kind in kinds] == [[111, 0], [0, 1], [0, 1]]
    causes = page.get_by_label("Root causes", exact=True)
    assert "TransactionProcessed is refused: sufficient-funds 111×" in str(causes.text_content())
    holds = page.get_by_label("What all accounts hold").locator(".money").all_text_contents()
    assert holds == ["11155.50 EUR", "11154.39 EUR", "-1.11 EUR"]
    accounts = page.get_by_label("Accounts that differ").locator("tbody tr")
    assert accounts.count() == 100
    page.get_by_label("Accounts that differ").get_by_role("button", name="Show more").click()
    accounts.nth(111).wait_for()
    assert "cannot cope" in str(accounts.first.text_content())
    assert "100.50 → and then 100.49 EUR3, 1 by the rules-0.01 EUR" in str(accounts.nth(1).text_content())
    assert page.locator("img:not([src='icon.svg']), #app script").count() == 0

    page.get_by_role("link", name="poor").first.click()
    visit.heading("poor")
    visit.settled()
    decisions = page.locator(".events > li")
    marks = [(each.locator(".status-root").count(), "follows" in str(each.text_content())) for each in decisions.all()]
    assert marks == [(1, False), (0, True), (0, True)]
    for each in decisions.all():
        each.locator("summary").click()
    assert decisions.nth(1).locator(".money").all_text_contents() == ["-100.5", "-101.505"]
    assert "Follows fromcommand-1" in str(decisions.nth(1).text_content())
    assert "sufficient-funds" in str(decisions.nth(0).text_content())
    assert SCRIPT in str(decisions.nth(2).text_content())
    assert page.locator("img:not([src='icon.svg']), #app script").count() == 0


def leave_letters(served: Served, queue: str, *bodies: str) -> None:
    for body in bodies:
        served.ledger.aws("sqs").send_message(QueueUrl=served.ledger.outputs[queue], MessageBody=body)


def test_dead_letters_are_seen_by_what_went_wrong_and_sent_on_when_one_is_sure(served: Served, visit: Visit) -> None:
    """And what others wrote into them is text."""
    page, (event, *_) = visit.page, served.maria.ask("GET", f"/accounts/{example.MARIA}/events")[1]["events"]
    told = json.dumps({"detail-type": "x", "source": "y", "detail": event})
    ghost = json.dumps({"detail": {**event, "AggregateId": SCRIPT}})
    leave_letters(served, "deadLetterQueueUrl", told, told, ghost)

    page.get_by_role("link", name="Operations").click()
    visit.heading("Health")
    page.get_by_role("region", name="Queues").get_by_text("3 dead letters").wait_for()
    page.get_by_role("region", name="Projections").get_by_text("up to date").first.wait_for()
    page.get_by_role("link", name="What went wrong").click()
    hopeless = page.get_by_role("region", name="projection: not-in-the-store")
    hopeless.locator("summary").click()
    assert SCRIPT in str(hopeless.text_content())
    assert page.locator("img:not([src='icon.svg']), #app script").count() == 0
    assert hopeless.get_by_role("button").count() == 0

    group = page.get_by_role("region", name="projection: projected-meanwhile")
    group.get_by_role("button", name="Redrive").click()
    page.keyboard.press("Shift+Tab")
    group.get_by_role("button", name="Leave them").click()
    assert served.ledger.messages("deadLetterQueueUrl") == 3
    group.get_by_role("button", name="Redrive").click()
    page.keyboard.press("Enter")  # the focus is on what was asked for
    page.get_by_text("2 letters sent on.").wait_for()
    group.wait_for(state="detached")
    assert served.ledger.messages("deadLetterQueueUrl") == 1
    served.ledger.aws("sqs").purge_queue(QueueUrl=served.ledger.outputs["deadLetterQueueUrl"])


def test_an_account_is_verified_and_what_is_wrong_is_named(served: Served, visit: Visit) -> None:
    page, name = visit.page, fresh(served)
    served.maria.has(f"/accounts/{name}", lambda row: row.get("LastSequence") == 2)
    visit.go("accounts", name)
    page.get_by_role("link", name="Verify").click()
    page.get_by_role("button", name="Verify now").click()
    page.get_by_text("Sound").wait_for()
    dynamodb, table = served.ledger.aws("dynamodb"), served.ledger.outputs["readModelTable"]
    key = {"AccountId": {"S": name}, "ProjectionType": {"S": "AccountSummary"}}
    row = dynamodb.get_item(TableName=table, Key=key)["Item"]
    dynamodb.put_item(TableName=table, Item={**row, "CustomerId": {"S": SCRIPT}})

    page.get_by_role("button", name="Verify now").click()
    page.get_by_text("Not sound").wait_for()
    assert page.locator(".findings .rule").all_text_contents() == ["row-differs"]
    assert "<img" in str(page.locator(".findings").text_content())
    assert page.locator("img:not([src='icon.svg']), #app script").count() == 0


def test_who_does_not_operate_is_told_why_she_cannot(served: Served, opened: Open) -> None:
    visit = opened("reader")  # whom the laptop makes a member of all groups
    pool = served.ledger.outputs["userPoolId"]
    group = {"UserPoolId": pool, "Username": "reader", "GroupName": "ledger-operators"}
    served.ledger.aws("cognito-idp").admin_remove_user_from_group(**group)
    visit = opened("reader")
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))

    visit.go("accounts", example.MARIA, "verify")
    button = visit.page.get_by_role("button", name="Verify now")
    assert button.is_disabled()
    assert "for operators" in str(visit.page.locator(f"#{button.get_attribute('aria-describedby')}").text_content())
    for room in (["health"], ["dead-letters"], ["replays"], ["branches"], ["replays", "one"], ["branches", "a", "b"]):
        visit.go("operations", *room)
        visit.page.get_by_text("This is for operators").wait_for()
        assert visit.page.get_by_role("button", name="Look again").count() == 0
    assert [url for url in asked if "/operations/" in url] == []


def test_amounts_are_shown_to_the_last_digit(served: Served, visit: Visit) -> None:
    events = story("exact", [])
    large = older(events, Decimal(LARGEST))
    store = EventStore(served.ledger.aws("dynamodb"), served.ledger.outputs["eventStoreTable"], 4)
    store.append([*events, large])
    served.maria.has("/accounts/exact", lambda row: row.get("LastSequence") == 2)

    visit.go("accounts", "exact")
    assert visit.amount("Balance") == f"{LARGEST} USD"
    assert visit.amount("Available") == f"{Decimal(LARGEST) + 10**12} USD"
    assert visit.page.locator(".effect .money").text_content() == f"+{LARGEST} USD"
    visit.go("accounts", "exact", "statement")
    assert visit.page.locator("td .money").last.text_content() == f"{LARGEST} USD"


def test_a_form_that_is_sent_twice_is_one_event(served: Served, visit: Visit) -> None:
    name = fresh(served)
    page = visit.page
    visit.go("accounts", name, "deposit")
    page.get_by_label("Amount").fill("1")
    page.get_by_role("button", name="Deposit").dblclick()
    page.get_by_text("The state now").wait_for()
    assert sequence(served, name) == 3

    lost = iter([True])

    def lose_one_answer(route: Any) -> None:
        route.fetch()
        if next(lost, False):
            route.abort()
        else:
            route.continue_()

    page.route("**/commands", lose_one_answer)
    visit.go("accounts", name, "deposit")
    page.get_by_label("Amount").fill("2")
    page.get_by_role("button", name="Deposit").click()
    page.get_by_text("The ledger cannot be reached").wait_for()
    page.get_by_role("button", name="Deposit").click()
    page.get_by_text("The state now").wait_for()
    assert sequence(served, name) == 4
    assert visit.amount("Balance") == "103.50 EUR"


def test_what_is_called_the_state_now_is_the_state_with_what_was_just_done(served: Served, visit: Visit) -> None:
    name = fresh(served)
    page = visit.page
    visit.go("accounts", name, "deposit")
    page.get_by_label("Amount").fill("1")
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route(f"**/accounts/{name}/state", hold)
    with page.expect_request(lambda asked: asked.url.endswith(f"/accounts/{name}/state")):
        page.get_by_role("button", name="Deposit").click()
    assert sequence(served, name) == 3
    assert page.get_by_role("button", name="Sending").is_visible()
    assert not page.get_by_text("The state now").is_visible()
    for route in held:
        route.continue_()
    page.get_by_text("The state now").wait_for()
    assert visit.amount("Balance") == "101.50 EUR"


def test_whoever_closes_an_account_has_seen_what_is_on_it(served: Served, visit: Visit) -> None:
    name = fresh(served, "1")
    visit.go("accounts", name, "close")
    served.maria.tell(name, "TransactionProcessed", amount="-1")
    visit.page.get_by_role("button", name="Close it for good").click()
    visit.page.get_by_text("It has moved on").wait_for()
    assert sequence(served, name) == 3


def test_a_session_that_is_over_leads_back_to_where_one_was(served: Served, visit: Visit) -> None:
    page = visit.page
    visit.go("accounts", example.MARIA, "statement")
    page.evaluate(
        "() => { const kept = JSON.parse(sessionStorage['ledger.session']);"
        " sessionStorage['ledger.session'] = JSON.stringify({...kept, access: 'x.y.z', refresh: 'none'}) }"
    )
    page.get_by_role("link", name="Events", exact=True).click()
    page.get_by_role("heading", name="Your session has ended").wait_for()
    page.get_by_role("button", name="Sign in again").click()
    page.get_by_label("Your name").fill("maria")
    page.keyboard.press("Enter")
    visit.heading(example.MARIA)
    assert page.url.endswith(f"#/accounts/{example.MARIA}/events")


def test_an_access_token_is_renewed_before_anybody_notices(served: Served, visit: Visit) -> None:
    page = visit.page
    page.evaluate(
        "() => { const kept = JSON.parse(sessionStorage['ledger.session']);"
        " sessionStorage['ledger.session'] = JSON.stringify({...kept, access: 'x.y.z', until: 0}) }"
    )
    visit.go("accounts", example.MARIA)
    visit.heading(example.MARIA)
    assert page.locator(".problem").count() == 0


def test_an_answer_to_a_sign_in_that_was_not_asked_for_is_refused(opened: Open) -> None:
    visit = opened(None)
    visit.page.goto(f"{visit.console}?code=stolen&state=guessed")
    visit.page.get_by_text("a question that was not asked here").wait_for()
    assert visit.page.evaluate("sessionStorage.length") == 0
    assert visit.page.evaluate("location.search") == ""


def test_signing_out_leaves_nothing_behind(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Sign out").click()
    visit.page.get_by_role("button", name="Sign in").wait_for()
    assert "ledger.session" not in visit.page.evaluate("Object.keys(sessionStorage)")


def test_a_server_that_is_gone_is_said_and_its_return_is_seen(served: Served, visit: Visit) -> None:
    visit.page.context.set_offline(True)
    visit.go("accounts", example.MARIA)
    visit.page.get_by_text("The ledger does not answer. The console looks again").wait_for()
    visit.page.get_by_text("The ledger cannot be reached").wait_for()
    visit.page.context.set_offline(False)
    visit.page.get_by_role("button", name="Try again").click()
    visit.page.get_by_text("The state now").wait_for()
    visit.page.get_by_text("The API answers").wait_for()


def test_an_answer_from_before_the_server_was_gone_says_nothing_of_now(visit: Visit) -> None:
    held: list[Any] = []

    def hold(route: Any) -> None:  # Playwright asks how many arguments it takes
        held.append(route)

    visit.page.route("**/health", hold)
    with visit.page.expect_request("**/health"):
        visit.page.reload()
    visit.page.context.set_offline(True)
    visit.page.get_by_role("link", name="Transfers").click()
    banner = visit.page.get_by_text("The ledger does not answer. The console looks again")
    banner.wait_for()
    with visit.page.expect_event("requestfinished", lambda request: request.url.endswith("/health")):
        held[0].fulfill(json={})
    visit.page.evaluate("() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))")
    assert banner.is_visible()
    visit.page.context.set_offline(False)
    visit.page.unroute("**/health")


def test_what_another_region_decides_is_said_with_the_way_there(served: Served, opened: Open) -> None:
    """As the second of two Regions is answered, in the first place that a console has: on the wire."""
    name, there = fresh(served), "https://there.example.com"
    visit = opened(None)

    def of_two(route: Any) -> None:
        config = route.fetch().json()
        route.fulfill(json={**config, "region": "eu-west-1", "regions": {"eu-west-1": "x", "us-east-1": there}})

    def not_home(route: Any) -> None:
        told = {"region": "us-east-1", "url": "https://api.example.com"}
        message = "this Region is standby and decides nothing; send the command to us-east-1"
        route.fulfill(status=409, json={"error": {"code": "NotHome", "message": message, "details": told}})

    visit.page.route("**/config.json", of_two)
    visit.sign_in("maria")
    visit.page.get_by_text("eu-west-1", exact=True).wait_for()
    visit.go("accounts", name, "deposit")
    visit.page.route("**/commands*", not_home)
    visit.page.get_by_label("Amount").fill("5")
    visit.page.get_by_role("button", name="Deposit").click()

    visit.page.get_by_text("Decided in another Region").wait_for()
    banner = visit.page.locator(".banner")
    assert "This is eu-west-1, and us-east-1 decides what you asked for. Nothing was stored." in banner.inner_text()
    link = banner.get_by_role("link", name="Go on in us-east-1")
    assert link.get_attribute("href") == f"{there}/console/#/accounts/{name}/deposit"
    visit.settled()
    assert visit.accessibility() == []

    visit.page.unroute("**/commands*")
    visit.page.get_by_role("button", name="Deposit").click()
    banner.wait_for(state="detached")
    assert sequence(served, name) == 3


def test_a_console_of_one_region_names_none(visit: Visit) -> None:
    visit.settled()
    assert visit.page.locator(".region").count() == 0


def test_a_transfer_that_needs_a_second_person_is_approved_by_one(served: Served, opened: Open) -> None:
    served.maria.tell(example.MARIA, "TransactionProcessed", amount="9000", category="bonus")
    waiting(served, "large")
    waiting(served, "unwanted")
    maria, paul = opened("maria"), opened("paul")
    maria.go("transfers", "large")
    maria.page.get_by_text("approval of somebody other than you").wait_for()
    assert maria.page.locator("dt", has_text="Requested by").locator("+ dd").inner_text().endswith("(you, maria)")
    assert maria.page.get_by_role("button", name="Approve").count() == 0
    paul.go("transfers")
    paul.page.get_by_role("link", name="large").click()
    paul.page.get_by_role("button", name="Approve").click()
    paul.page.locator(".now .status", has_text="Completed").wait_for()
    paul.go("transfers", "unwanted")
    paul.page.get_by_label("Reason").fill("twice")
    paul.page.get_by_role("button", name="Cancel the transfer").click()
    paul.page.locator(".now .status", has_text="Cancelled").wait_for()


def test_events_are_found_by_type_and_by_what_they_belong_to(served: Served, visit: Visit) -> None:
    page = visit.page
    page.get_by_label("By type and time").first.locator("select").select_option("TransferCompleted")
    page.get_by_label("By type and time").first.get_by_role("button", name="Find").click()
    page.locator(".event", has_text=example.TRANSFER).wait_for()
    visit.go()
    page.get_by_label("By correlation").last.fill(example.TRANSFER)
    page.keyboard.press("Enter")
    visit.heading(example.TRANSFER)
    page.locator(".tree .event").nth(5).wait_for()
    assert page.locator(".tree .event").count() == 6


@pytest.mark.timeout(900 if LONG else 240)  # to store 100,000 events takes six minutes
def test_a_long_account_is_looked_at_where_one_is(served: Served, visit: Visit) -> None:
    """Neither its events nor its states are all fetched: some samples for the line, and what is around the slider."""
    load(served.ledger, "long")
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    begun = time.perf_counter()
    visit.page.evaluate("location.hash = '#/accounts/long'")
    visit.page.locator(".now .big .money").wait_for()
    first_paint = time.perf_counter() - begun
    visit.settled()
    assert len(asked) < 60

    steps = []
    for number, at in enumerate(range(1, LENGTH - 8, LENGTH // 8)):
        seen = len(asked)
        begun = time.perf_counter()
        visit.page.evaluate(
            "at => { const it = document.querySelector('input[type=range]');"
            " it.value = at; it.dispatchEvent(new Event('input', {bubbles: true})) }",
            at + number,
        )
        visit.page.locator(".fine code", has_text=f"step-{at + number}").first.wait_for()
        steps.append(time.perf_counter() - begun)
        visit.settled()
        assert len(asked) - seen <= 6  # two states, at most two pages of events, and a sample that was late
    to_paint, to_step = (1.0, 0.2) if LONG else (5.0, 2.0)  # an ordinary run shares the machine
    assert first_paint < to_paint
    assert median(steps) < to_step, steps


def load(ledger: StackClient, name: str) -> None:
    """An account of LENGTH events with snapshots, as an import would fill it, beside the feeds."""
    client, lambda_ = ledger.aws("dynamodb"), ledger.aws("lambda")
    mappings = [
        each["UUID"]
        for each in lambda_.list_event_source_mappings()["EventSourceMappings"]
        if ":dynamodb:" in each["EventSourceArn"]
    ]
    for each in mappings:
        lambda_.update_event_source_mapping(UUID=each, Enabled=False)
    events = stream(name)
    store = EventStore(client, ledger.outputs["eventStoreTable"], 4)
    for start in range(0, LENGTH, MAX_TRANSACTION_ITEMS):
        store.append(events[start : start + MAX_TRANSACTION_ITEMS])
    state, position, kept = account.Account(), Position(), []
    for event in events:
        state, position = account.evolve(state, event), position.advance(event)
        if position.sequence % 10 == 0:
            kept.append(Snapshot(state, position))
    Snapshots(client, ledger.outputs["snapshotsTable"]).write(name, kept)


def stream(name: str) -> list[Event]:
    """An account of LENGTH events, now up and now down; the n-th is of the command `step-n`."""
    events: list[Event] = []
    position = Position()
    for number in range(1, LENGTH + 1):
        new = NewEvent("AccountCreated", {"currency": "EUR"}, NEWEST["AccountCreated"])
        if number > 1:
            amount = 3 if number % 5 else -7
            told = {"amount": amount, "type": "deposit" if amount > 0 else "withdrawal", "currency": "EUR"}
            new = NewEvent("TransactionProcessed", {**told, "category": "load"}, NEWEST["TransactionProcessed"])
        asked = {"aggregateId": name, "eventType": new.event_type, "eventData": new.data, "commandId": f"step-{number}"}
        events += chain(position, [new], Command.parse(asked, "request"), NOW)
        position = position.advance(events[-1])
    return events


def test_what_the_pages_compute_by_themselves(visit: Visit) -> None:
    found = visit.page.evaluate(
        r"""async () => {
        const {parse, digits, difference, signOf} = await import('./app/exact.mjs');
        const {diff} = await import('./app/diff.mjs');
        const {latest} = await import('./app/history.mjs');
        const {treeOf} = await import('./views/story.mjs');
        const {part, seconds, duration} = await import('./views/replays.mjs');
        const replay = {state: 'running', scanned: '30', items: '40', segments: '16', segmentsDone: '4'};
        const plain = (text) => { const {sign, whole, fraction} = digits(text); return `${sign}${whole}.${fraction}` };
        const done = [];
        const work = latest(async (each) => { await null; done.push(each) });
        await Promise.all([work(1), work(2), work(3)]);
        const shape = (nodes) => nodes.map(({event, led}) => [event.EventId, shape(led)]);
        return {
            parsed: parse(
                '{"a": 999999999999999999.99999999, "b": [-1, 1E-7, 100.50], "c": "1, \\" 2", "d": null, "3": true}'),
            plain: ['1E+3', '1.5E-3', '-0012.50', '123E-2'].map(plain),
            differences: [
                difference('0.1', '0.3'), difference('999999999999999999.99999999', '0'), difference('x', '1')],
            signs: ['-0.00', '0.01', '-5', 'x'].map(signOf),
            changes: diff({a: '1', r: {x: '5'}}, {a: '2', b: null, r: {}}).filter((each) => each.changed),
            parts: [
                replay, {...replay, items: null}, {...replay, scanned: '41'}, {...replay, items: null, segments: '0'},
                {...replay, state: 'completed'}, {...replay, scanned: null, items: null}].map(part),
            seconds: [
                seconds(replay, {scanned: 2}), seconds(replay, {scanned: 0}),
                seconds({...replay, items: null}, {scanned: 2}), seconds({...replay, scanned: '41'}, {scanned: 2})],
            durations: [0, 1, 89, 90, 5399, 5400, 200000].map(duration),
            done,
            tree: shape(treeOf([
                {EventId: '1', CausationId: 'c'}, {EventId: '2', CausationId: '1'}, {EventId: '3', CausationId: '2'},
                {EventId: '4', CausationId: '1'}, {EventId: '5', CausationId: '5'}])),
        } }"""
    )
    assert found["parsed"] == {"a": LARGEST, "b": ["-1", "1E-7", "100.50"], "c": '1, " 2', "d": None, "3": True}
    assert found["plain"] == ["1000.", "0.0015", "-12.50", "1.23"]
    assert found["differences"] == ["0.2", f"-{LARGEST}", ""]
    assert found["signs"] == [0, 1, -1, 0]
    assert [(each["name"], each.get("before"), each.get("after")) for each in found["changes"]] == [
        ("a", "1", "2"),
        ("b", None, None),
        ("r.x", "5", None),
    ]
    assert found["parts"] == [0.75, 0.25, 0.25, 0, 1, 0]
    assert found["seconds"] == [5, None, None, None]
    assert found["durations"] == [
        *("about 1 second", "about 1 second", "about 89 seconds", "about 2 minutes", "about 90 minutes"),
        *("about 2 hours", "about 2 days"),
    ]
    assert found["done"] == [1, 3]  # the newest alone, once there is time
    assert found["tree"] == [["1", [["2", [["3", []]]], ["4", []]]], ["5", []]]
