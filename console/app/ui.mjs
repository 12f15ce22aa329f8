// What views are made of. Every text goes into the page as a text node: nothing here writes markup from data.

import { h } from "../vendor/preact.mjs";
import { useCallback, useEffect, useRef, useState } from "../vendor/hooks.mjs";
import htm from "../vendor/htm.mjs";
import { Refused, Unreachable } from "./api.mjs";
import { person, SignedOut } from "./auth.mjs";
import { digits } from "./exact.mjs";
import { href } from "./router.mjs";

export const html = htm.bind(h);

/**
 * What `load` answers, anew whenever `of` changes: {content, error, loading, reload}.
 * `reload()` ends when what was asked for behind it is there.
 */
export function useLoaded(load, of) {
  const [found, setFound] = useState({ loading: true });
  const [round, setRound] = useState(0);
  const waiting = useRef([]);
  useEffect(() => {
    const leaving = new AbortController();
    const asked = waiting.current.splice(0);
    const end = (outcome) => {
      if (leaving.signal.aborted) return;
      setFound(outcome);
      for (const done of asked.splice(0)) done();
    };
    setFound((before) => ({ ...before, loading: true }));
    load(leaving.signal).then(
      (content) => end({ content }),
      (error) => end({ error }),
    );
    return () => {
      leaving.abort();
      waiting.current.push(...asked);
    };
  }, [...of, round]);
  const reload = useCallback(
    () =>
      new Promise((done) => {
        waiting.current.push(done);
        setRound((before) => before + 1);
      }),
    [],
  );
  return { ...found, reload };
}

/** Calls `look` when somebody comes back to the window or the tab; once at a time. What it cannot find out, it leaves for the next time. */
export function useReturn(look) {
  const now = useRef(look);
  now.current = look;
  useEffect(() => {
    let looking = false;
    const back = async () => {
      if (looking || document.visibilityState !== "visible") return;
      looking = true;
      try {
        await now.current();
      } catch {
        // the view stays as it was, and the footer says whether the API answers
      } finally {
        looking = false;
      }
    };
    addEventListener("focus", back);
    document.addEventListener("visibilitychange", back);
    return () => {
      removeEventListener("focus", back);
      document.removeEventListener("visibilitychange", back);
    };
  }, []);
}

/** Pages of a query behind each other: {items, error, loading, more}. `load(token, signal)` answers {items, next}. */
export function usePages(load, of) {
  const [found, setFound] = useState({ items: [], loading: true });
  const alive = useRef(null);
  const fetchPage = async (token, signal) => {
    setFound((before) => ({ ...before, loading: true, error: undefined }));
    try {
      const { items, next } = await load(token, signal);
      if (!signal.aborted) setFound((before) => ({ items: token ? [...before.items, ...items] : items, next }));
    } catch (error) {
      if (!signal.aborted) setFound((before) => ({ ...before, loading: false, error }));
    }
  };
  useEffect(() => {
    alive.current = new AbortController();
    setFound({ items: [], loading: true });
    fetchPage(undefined, alive.current.signal);
    return () => alive.current.abort();
  }, of);
  return { ...found, more: found.next ? () => fetchPage(found.next, alive.current.signal) : null };
}

/** A view's title, which is focused when the view is new: so a screen reader says where we are. */
export function Title({ text, children }) {
  const at = useRef(null);
  useEffect(() => {
    document.title = `${text} · Ledger`;
    if (document.activeElement === document.body || document.activeElement?.tagName === "A") {
      at.current.focus({ preventScroll: true });
    }
  }, [text]);
  return html`<h1 ref=${at} tabindex="-1">${children ?? text}</h1>`;
}

/** What went wrong, in words, with the rule's name and the fields where there are some. */
export function Problem({ error, retry }) {
  if (!error || error instanceof SignedOut) return null;
  const known = error instanceof Refused || error instanceof Unreachable;
  const violations = error.details?.violations ?? [];
  const rule = error.details?.rule;
  return html`<div class="problem" role="alert">
    <p class="problem-head">
      <strong>${heading(error)}</strong>${rule && html` <code class="rule">${rule}</code>`}
    </p>
    <p>${known ? error.message : "The console met a fault of its own."} ${advice(error)}</p>
    ${violations.length > 1 &&
    html`<ul>
      ${violations.map((each) => html`<li><code>${each.path}</code> ${each.message}</li>`)}
    </ul>`}
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

function heading(error) {
  if (error instanceof Unreachable) return "The ledger cannot be reached";
  if (error.code === "NotHome") return "Decided in another Region";
  const names = { 400: "Not understood", 403: "Not allowed", 404: "Not found", 409: "In conflict", 413: "Too large" };
  const more = { 412: "It has moved on", 422: "Refused by a rule", 429: "Too many requests" };
  if (error.status >= 500) return "The ledger has a fault";
  return names[error.status] ?? more[error.status] ?? "That did not work";
}

function advice(error) {
  if (error instanceof Unreachable) {
    return "Check the connection. Sending the same form again is safe: it counts once.";
  }
  if (error.code === "NotHome") return "Nothing was stored.";
  if (error.status === 403) return "Ask an operator for a group that may.";
  if (error.status === 412) return "Somebody was faster. Look at it again, and decide anew.";
  if (error.status >= 500) return "Sending the same form again is safe: it counts once.";
  return "";
}

export function Loading({ what = "Loading" }) {
  return html`<p class="quiet loading" role="status">${what} …</p>`;
}

/** An amount, to its last digit; `bare` without the currency's code. Its groups are set apart by style alone: what is copied is the number. */
export function Money({ amount, currency, signed, bare }) {
  if (amount === undefined || amount === null) return html`<span class="quiet">–</span>`;
  const found = digits(amount);
  if (!found) return html`<span>${amount}</span>`;
  const fraction = found.fraction.padEnd(minorDigits(currency), "0");
  const groups = found.whole.match(/\d{1,3}(?=(?:\d{3})*$)/g);
  const sign = found.sign || (signed && /[1-9]/.test(found.whole + fraction) ? "+" : "");
  return html`<span class=${`money${found.sign ? " minus" : signed ? " plus" : ""}`}
    ><span class="digits"
      >${sign}${groups.map((each) => html`<span class="group">${each}</span>`)}${fraction && `.${fraction}`}</span
    >${currency && !bare && html` <span class="currency">${currency}</span>`}</span
  >`;
}

function minorDigits(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    return 0;
  }
}

/** A time of the ledger's, as people write it here; the exact one is in its title. */
export function Time({ at, seconds = true }) {
  if (!at) return html`<span class="quiet">–</span>`;
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return html`<span>${at}</span>`;
  const shown = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  }).format(time);
  return html`<time datetime=${at} title=${at}>${shown}</time>`;
}

export function Status({ value }) {
  return html`<span class=${`status status-${String(value).toLowerCase()}`}>${value}</span>`;
}

/** A long text of which the beginning tells enough; whole in its title. */
export function Short({ text, length = 12 }) {
  if (!text) return html`<span class="quiet">–</span>`;
  const cut = text.length > length + 1 ? `${text.slice(0, length)}…` : text;
  return html`<code title=${text}>${cut}</code>`;
}

/** Who did something: the id that events name, and beside one's own the name that one is signed in by. Of others there is no name. */
export function Who({ id }) {
  const own = person();
  return html`${id}${own && own.subject === id && html` <span class="quiet">(you, ${own.name})</span>`}`;
}

/** A link to an aggregate, by the kind that it is of. */
export function Aggregate({ id, type = "", at }) {
  if (!id) return html`<span class="quiet">–</span>`;
  const collection = type.startsWith("Transfer") ? "transfers" : "accounts";
  return html`<a href=${href([collection, id], { at })}>${id}</a>`;
}

/** A value of an event or a state, whatever it is. */
export function Value({ value }) {
  if (value === null || value === undefined) return html`<span class="quiet">nothing</span>`;
  if (typeof value === "object") return html`<code class="value">${JSON.stringify(value)}</code>`;
  return html`<span class="value">${String(value)}</span>`;
}

const WORDS = /([a-z0-9])([A-Z])/g;

/** `transactionCount` as "Transaction count". */
export function words(name) {
  const [head, ...rest] = name.split(".");
  const text = head.replace(WORDS, "$1 $2").toLowerCase();
  return [text.charAt(0).toUpperCase() + text.slice(1), ...rest].join(" · ");
}

export function More({ pages, what }) {
  if (pages.loading) return html`<${Loading} what=${`Loading ${what}`} />`;
  return pages.more && html`<p><button type="button" class="more" onClick=${pages.more}>Show more</button></p>`;
}
