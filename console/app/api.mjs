// The HTTP API, by relative URLs: pages and API have one origin.

import { accessToken, forget, SignedOut } from "./auth.mjs";
import { parse } from "./exact.mjs";

const ROOT = new URL("../", document.baseURI);
const TRIES = 3;

/** An answer that is a refusal: {status, code, message, details}. */
export class Refused extends Error {
  constructor(status, { code, message, details } = {}) {
    super(message ?? `The ledger answers ${status}.`);
    Object.assign(this, { status, code: code ?? "", details: details ?? {} });
  }
}

/** Nobody answers: the network is gone, or the server is. Whether something was stored is not known. */
export class Unreachable extends Error {}

let heard = () => {};
let sent = () => {};
let asked = 0;
let told = 0;

/** Tells `listener` after each request whether somebody answered, unless one that began later has told. */
export function onContact(listener) {
  heard = listener;
}

/** Tells `listener` the Region that decides what was asked for in vain, "" where that is not known; null once something is decided here. */
export function onElsewhere(listener) {
  sent = listener;
}

function contact() {
  const mine = (asked += 1);
  return (reached) => {
    if (mine < told) return; // an answer that was long on its way says nothing of now
    told = mine;
    heard(reached);
  };
}

async function send(method, path, { headers, body, signal } = {}, renew = false) {
  const token = await accessToken({ renew });
  return fetch(new URL(path, ROOT), {
    method,
    signal,
    cache: "no-store",
    headers: {
      Accept: "application/json",
      Authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

/** The parsed answer, numbers as text. Raises: Refused, Unreachable, SignedOut, and AbortError by `signal`. */
async function request(method, path, options) {
  const hears = contact();
  try {
    let answer = await send(method, path, options);
    if (answer.status === 401) answer = await send(method, path, options, true);
    const text = await answer.text();
    hears(true);
    if (answer.status === 401) {
      forget();
      throw new SignedOut();
    }
    return read(answer, text);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    hears(false);
    throw new Unreachable("The ledger does not answer.");
  }
}

function read(answer, text) {
  let content = {};
  try {
    content = parse(text);
  } catch {
    if (answer.ok) throw new Refused(answer.status, { message: "The ledger's answer cannot be read." });
  }
  if (answer.ok) return content;
  if (content.error?.code === "NotHome") sent(content.error.details?.region ?? "");
  throw new Refused(answer.status, content.error ?? { message: content.message });
}

function query(parameters) {
  const given = Object.entries(parameters ?? {}).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

export const id = (text) => encodeURIComponent(text);

/** A query. One that nobody answers in time, or that is throttled, is asked again: it changes nothing. */
export async function get(path, parameters, signal) {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await request("GET", path + query(parameters), { signal });
    } catch (error) {
      if (left <= 1 || ![429, 502, 503, 504].includes(error.status)) throw error;
      await new Promise((done) => setTimeout(done, 250 * (TRIES + 1 - left)));
    }
  }
}

/** A command under its key, or what needs none; `sequence` is what the aggregate must stand at, if it matters. */
export async function post(path, body, { key, sequence, signal } = {}) {
  const headers = { ...(key ? { "Idempotency-Key": key } : {}), ...(sequence ? { "If-Match": `"${sequence}"` } : {}) };
  const answer = await request("POST", path, { body, headers, signal });
  if (key) sent(null);
  return answer;
}

/** Whether the API answers at all, which needs no token. */
export async function health() {
  const hears = contact();
  try {
    const answer = await fetch(new URL("health", ROOT), { cache: "no-store" });
    await answer.text(); // else the connection stays taken
    hears(answer.ok);
    return answer.ok;
  } catch {
    hears(false);
    return false;
  }
}
