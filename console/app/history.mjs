// A stream that may be long: states and events are fetched around where one looks, and kept.

import { get, id } from "./api.mjs";

const PAGE = 100;
const LINE_WHOLE = 1000;
const SAMPLES = 40;
const AT_ONCE = 3;

/** Whether a stream has an event behind a sequence. One small request: the events themselves are never behind, as a row may be. */
export async function movedOn(collection, aggregateId, sequence) {
  const { events } = await get(`${collection}/${id(aggregateId)}/events`, { fromSequence: Number(sequence) + 1, limit: 1 });
  return events.length > 0;
}

/** Of one aggregate: `states` by sequence, `pages` of its events. Each answer is fetched once. */
export class History {
  constructor(collection, aggregateId) {
    this.path = `${collection}/${id(aggregateId)}`;
    this.collection = collection;
    this.states = new Map();
    this.pages = new Map();
  }

  /** The present: {sequence, state}. Never from what is kept. */
  async present(signal) {
    const answer = await get(`${this.path}/state`, {}, signal);
    const sequence = Number(answer.eventsProcessed);
    const state = answer.reconstructedState;
    this.states.set(sequence, Promise.resolve(state));
    return { sequence, state };
  }

  /** The sequence of the last event at a moment. */
  async sequenceAt(moment, signal) {
    return Number((await get(`${this.path}/state`, { asOf: moment }, signal)).eventsProcessed);
  }

  /** The state after an event; 0 is before the first. */
  state(sequence) {
    return this.#kept(this.states, sequence, async () => {
      return (await get(`${this.path}/state`, { upToSequence: sequence })).reconstructedState;
    });
  }

  /** An event by its sequence; undefined behind the end. */
  async event(sequence) {
    const events = await this.page(Math.floor((sequence - 1) / PAGE));
    return events[(sequence - 1) % PAGE];
  }

  /** Events PAGE * number + 1 and the following. */
  page(number) {
    return this.#kept(this.pages, number, async () => {
      const events = [];
      let nextToken;
      do {
        const from = { fromSequence: number * PAGE + 1, limit: PAGE - events.length, nextToken };
        const answer = await get(`${this.path}/events`, nextToken ? { ...from, limit: PAGE } : from);
        events.push(...answer.events);
        nextToken = answer.nextToken;
      } while (nextToken && events.length < PAGE);
      return events.slice(0, PAGE);
    });
  }

  /** Forgets what may have grown: the page with the end. */
  grown() {
    const last = Math.max(-1, ...this.pages.keys());
    this.pages.delete(last);
  }

  /** Balances along the stream, for drawing: calls `found([[sequence, balance], ...])` as they come. */
  async line(last, found, signal) {
    if (last <= LINE_WHOLE) {
      try {
        const answer = await get(`${this.path}/statement`, { limit: LINE_WHOLE }, signal);
        if (!answer.nextToken) {
          found(answer.Entries.map((entry) => [Number(entry.EventSequence), entry.Balance]));
          return;
        }
      } catch (error) {
        if (error.name === "AbortError" || ![400, 404].includes(error.status)) throw error;
      }
    }
    const count = Math.min(SAMPLES, last);
    const places = Array.from({ length: count }, (_, each) => 1 + Math.round((each * (last - 1)) / Math.max(1, count - 1)));
    const rest = spread(places);
    const worker = async () => {
      for (let place = rest.shift(); place !== undefined && !signal.aborted; place = rest.shift()) {
        const state = await this.state(place);
        found([[place, state.balance]]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  #kept(map, key, load) {
    if (!map.has(key)) {
      const loading = load();
      map.set(key, loading);
      loading.catch(() => map.delete(key));
    }
    return map.get(key);
  }
}

/** Places in an order that shows the whole shape early: ends, middle, quarters, ... */
function spread(places) {
  const order = [];
  for (let step = places.length; step >= 1; step = Math.floor(step / 2)) {
    for (let each = 0; each < places.length; each += step) if (!order.includes(places[each])) order.push(places[each]);
  }
  return order;
}

/** Calls `work` with the newest argument alone, never twice at a time: what comes meanwhile replaces what waits. */
export function latest(work) {
  let running = false;
  let waiting = null;
  return async function call(...given) {
    waiting = given;
    if (running) return;
    running = true;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        await work(...next);
      }
    } finally {
      running = false;
    }
  };
}
