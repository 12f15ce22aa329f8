// The console: who is signed in, where we are, and the view of it.

import { render } from "./vendor/preact.mjs";
import { useEffect, useState } from "./vendor/hooks.mjs";
import { health, onContact, onElsewhere } from "./app/api.mjs";
import { comeBack, onSignedOut, person, signIn, signOut } from "./app/auth.mjs";
import { loadRegions, viewIn } from "./app/regions.mjs";
import { href, usePlace } from "./app/router.mjs";
import { html, Title } from "./app/ui.mjs";
import { Account } from "./views/account.mjs";
import { Correlation, EventsOfType } from "./views/found.mjs";
import { Home } from "./views/home.mjs";
import { OpenAccount } from "./views/open_account.mjs";
import { Operations } from "./views/operations.mjs";
import { Transfer, Transfers } from "./views/transfers.mjs";

const LOOK_AGAIN_MS = 5_000;

function View({ place }) {
  const [room, subject, tab] = place.parts;
  switch (room) {
    case undefined:
      return html`<${Home} />`;
    case "open":
      return html`<${OpenAccount} />`;
    case "accounts":
      if (subject) return html`<${Account} key=${subject} accountId=${subject} tab=${tab} query=${place.query} />`;
      break;
    case "transfers":
      return subject
        ? html`<${Transfer} key=${subject} transferId=${subject} query=${place.query} />`
        : html`<${Transfers} query=${place.query} />`;
    case "operations":
      return html`<${Operations} key=${place.path} tab=${subject} more=${place.parts.slice(2)} />`;
    case "events":
      return html`<${EventsOfType} key=${place.path} query=${place.query} />`;
    case "correlations":
      if (subject) return html`<${Correlation} key=${subject} correlationId=${subject} />`;
      break;
  }
  return html`<${Title} text="There is nothing here" />
    <p><a href=${href([])}>To the beginning</a></p>`;
}

function Console({ failed }) {
  const place = usePlace();
  const [who, setWho] = useState(person);
  const [ended, setEnded] = useState(false);
  const [reached, setReached] = useState(null);
  const [regions, setRegions] = useState(null);
  const [elsewhere, setElsewhere] = useState(null);
  useEffect(() => {
    onContact(setReached);
    onElsewhere(setElsewhere);
    loadRegions().then(setRegions);
    health();
    onSignedOut(() => {
      setEnded(true);
      setWho(null);
    });
  }, []);
  useEffect(() => {
    if (reached !== false) return undefined;
    const timer = setInterval(health, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [reached]);
  useEffect(() => {
    setElsewhere(null);
  }, [place.path]);
  return html`<a class="skip" href="#main" onClick=${toMain}>Skip to the content</a>
    <${Head} who=${who} room=${place.parts[0]} region=${regions?.here} />
    ${reached === false &&
    html`<p class="banner" role="alert">The ledger does not answer. The console looks again every few seconds.</p>`}
    ${elsewhere !== null && html`<${Elsewhere} region=${elsewhere} regions=${regions} />`}
    <main id="main" tabindex="-1">
      ${who ? html`<${View} place=${place} />` : html`<${Welcome} failed=${failed} ended=${ended} />`}
    </main>
    <footer>
      <span class=${`health ${reached ? "good" : reached === false ? "bad" : ""}`}>
        ${reached ? "The API answers" : reached === false ? "The API does not answer" : "Asking whether the API answers"}
      </span>
      <span class="quiet">Every state can be reproduced, and explained.</span>
    </footer>`;
}

function Elsewhere({ region, regions }) {
  const there = viewIn(region, regions);
  return html`<p class="banner" role="alert">
    This is ${regions?.here ?? "another Region"}, and ${region || "the other Region"} decides what you asked for. Nothing was stored.
    ${there && html` <a href=${there}>Go on in ${region}</a>`}
  </p>`;
}

function toMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function Head({ who, room, region }) {
  const current = (name) => (room === name ? "page" : undefined);
  return html`<header class="top">
    <a class="brand" href=${href([])} aria-current=${current(undefined)}><img src="icon.svg" alt="" width="28" height="28" />Ledger</a>
    ${region && html`<span class="region" title="The Region that this console is of">${region}</span>`}
    ${who &&
    html`<nav aria-label="Main">
        <a href=${href(["open"])} aria-current=${current("open")}>Open account</a>
        <a href=${href(["transfers"])} aria-current=${current("transfers")}>Transfers</a>
        <a href=${href(["operations", "health"])} aria-current=${current("operations")}>Operations</a>
      </nav>
      <div class="who">
        <span title=${who.subject}>${who.name}</span>
        <button type="button" class="plain" onClick=${signOut}>Sign out</button>
      </div>`}
  </header>`;
}

function Welcome({ failed, ended }) {
  const [problem, setProblem] = useState(failed);
  const enter = () => signIn().catch(() => setProblem("The ledger cannot be reached. Is it running?"));
  return html`<section class="welcome">
    <${Title} text=${ended ? "Your session has ended" : "The ledger"} />
    <p class="lead">
      ${ended
        ? "Sign in again, and you are back where you were. Nothing that was acknowledged is lost."
        : "Open accounts, move money, and walk back in time: every event is kept, and every state can be seen again."}
    </p>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <button type="button" class="primary" onClick=${enter}>${ended ? "Sign in again" : "Sign in"}</button>
  </section>`;
}

let failed = null;
try {
  await comeBack();
} catch (error) {
  failed = error.name === "TypeError" ? "The ledger cannot be reached. Is it running?" : error.message;
}
render(html`<${Console} failed=${failed} />`, document.getElementById("app"));
