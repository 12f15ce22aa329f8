"""`ledger login`, `logout`, `whoami` and `profiles`: which ledgers there are, and who is signed in."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from cli import arguments, sign_in, web
from cli.context import Context
from cli.errors import CliError, UsageError
from cli.local_ledger import is_local, local_url
from cli.output import Column
from cli.profiles import LOCAL, Profile, Profiles, SignedIn, claims_of, named

from .common import Commands, plain, profile_option

WHO = (
    Column("profile", "Profile"),
    Column("url", "Ledger"),
    Column("user", "User", "id"),
    Column("subject", "Known as", "id"),
    Column("scopes", "May"),
    Column("expires", "Until", "time"),
)
FIELDS = tuple(each.field for each in WHO)
PROFILES = (
    Column("profile", "PROFILE", "id"),
    Column("url", "LEDGER"),
    Column("user", "USER", "id"),
    Column("default", "DEFAULT"),
)
_REVOKE_SECONDS = 5.0


def add_to(commands: Commands) -> None:
    """All four."""
    login = plain(commands, "login", "sign in to a ledger, and make it the one that commands go to", _login)
    profile_option(login)
    login.add_argument(
        "--url",
        type=arguments.address,
        help="where the ledger is: its console's address; kept by the name of --profile, else of its host and port",
    )
    login.add_argument("--as", dest="user", type=arguments.user, metavar="NAME", help="on the embedded AWS: who to be")
    how = login.add_mutually_exclusive_group()
    how.add_argument("--browser", action="store_true", help="sign in in a browser on the embedded AWS, too")
    how.add_argument(
        "--no-browser",
        action="store_true",
        help="sign in in a browser on this machine by yourself: only print the address, on the embedded AWS, too",
    )
    profile_option(plain(commands, "logout", "forget who is signed in", _logout))
    profile_option(plain(commands, "whoami", "show who is signed in, and where", _whoami, FIELDS))
    plain(commands, "profiles", "list the ledgers that have a name here", _profiles, [each.field for each in PROFILES])


def _login(context: Context) -> None:
    options, profiles, out = context.options, context.profiles, context.out
    profile = _asked(context)
    alone = is_local(profile.url) and not (options.browser or options.no_browser)
    if options.user and not alone:
        raise UsageError("--as goes with the embedded AWS alone", "Leave it out: the page asks who you are.")
    client = sign_in.Client.of(profile.url)
    if alone:
        tokens = sign_in.without_browser(profile, client)
    else:
        tokens = sign_in.with_browser(profile, client, out.tell, open_browser=not options.no_browser)
    profiles.keep(replace(profile, regions=client.regions), default=True)
    profiles.keep_signed_in(profile, tokens)
    others = " Commands that name no other --profile go there now." if len(profiles.all()) > 1 else ""
    out.tell(f"Signed in to {profile.url} as {tokens.user or 'somebody'} (profile {profile.name}).{others}")


def _asked(context: Context) -> Profile:
    """The profile to sign in to: a new one, or one that is there with what is said anew."""
    options, profiles = context.options, context.profiles
    name = options.profile or (named(options.url) if options.url else profiles.default())
    there = next((each for each in profiles.all() if each.name == name), None)
    if there is None and options.url is None:
        raise UsageError(f"there is no profile {name!r}", f"Say where it is: ledger login --profile {name} --url URL")
    if there is None:
        return Profile(name, options.url, options.user or "")
    if options.url is not None and name == LOCAL and options.url != local_url():
        raise UsageError(
            f"the profile local is the ledger of `make serve`, {local_url()}",
            f"Name another: ledger login --profile NAME --url {options.url}",
        )
    if options.url is not None and not options.profile and options.url != there.url:
        raise UsageError(
            f"the profile {name!r} is of {there.url}", f"Name another: ledger login --profile NAME --url {options.url}"
        )
    return Profile(name, options.url or there.url, options.user or there.as_user)


def _logout(context: Context) -> None:
    profile = context.profile
    signed_in: SignedIn | None = None
    with suppress(CliError):  # a damaged file names no token to take back, and is forgotten all the same
        signed_in = context.profiles.signed_in(profile)
    there_was = context.profiles.sign_out(profile)
    if not there_was:
        context.out.tell(f"Nobody was signed in to {profile.name}.")
        return
    said = [f"Signed out of {profile.name}."]
    if signed_in is not None and not _revoked(signed_in):
        said.append("The issuer's refresh token lasts until it expires.")
    if is_local(profile.url):
        said.append(f"The next command signs {profile.as_user or sign_in.local_user()} in by itself: it is local.")
    context.out.tell(" ".join(said))


def _revoked(signed_in: SignedIn) -> bool:
    """Whether the issuer has taken the refresh token back; Cognito's way of it."""
    if not signed_in.refresh_token:
        return True
    if not signed_in.token_url.endswith("/oauth2/token"):
        return False
    url = f"{signed_in.token_url.removesuffix('/token')}/revoke"
    body = urlencode({"token": signed_in.refresh_token, "client_id": signed_in.client_id}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with suppress(CliError):
        return web.request("POST", url, headers=headers, body=body, timeout=_REVOKE_SECONDS).status < 400  # noqa: PLR2004
    return False


def _whoami(context: Context) -> None:
    """Mostly no request: what is in the token."""
    profile = context.profile
    token = sign_in.Session(context.profiles, profile).access_token()
    signed_in, claims = context.profiles.signed_in(profile), claims_of(token)
    expires = claims.get("exp")
    scopes = claims.get("scope", "")
    context.out.record(
        {
            "profile": profile.name,
            "url": profile.url,
            "user": signed_in.user if signed_in else None,
            "subject": claims.get("sub"),
            "scopes": scopes if isinstance(scopes, str) else None,
            "expires": datetime.fromtimestamp(expires, UTC).isoformat() if isinstance(expires, int) else None,
        },
        WHO,
    )


def _profiles(context: Context) -> None:
    """No request: what is kept in the user's folder."""
    profiles = context.profiles
    default = context.options.profile or profiles.default()
    context.out.records([_kept(profiles, each, default) for each in profiles.all()], PROFILES, "There are no profiles.")


def _kept(profiles: Profiles, profile: Profile, default: str) -> dict[str, Any]:
    signed_in: SignedIn | None = None
    with suppress(CliError):  # a damaged file: nobody is signed in by it
        signed_in = profiles.signed_in(profile)
    return {
        "profile": profile.name,
        "url": profile.url,
        "user": signed_in.user if signed_in is not None else None,
        "default": profile.name == default,
    }
