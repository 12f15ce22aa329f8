// For operators: how far everything is behind the events, what went wrong on the way, and the ways to their other views.

import { useState } from "../vendor/hooks.mjs";
import { get, post } from "../app/api.mjs";
import { href } from "../app/router.mjs";
import { html, Time, Title, useLoaded, words } from "../app/ui.mjs";
import { Branch, Branches, Decisions } from "./branches.mjs";
import { Again, Facts, many, mark, mayOperate, Reserved, Twice } from "./operators.mjs";
import { Replay, Replays } from "./replays.mjs";

const DOORS = [
  ["health", "Health", Health],
  ["dead-letters", "Dead letters", DeadLetters],
  ["replays", "Replays", Replays],
  ["branches", "Branches", Branches],
];

/** `more` is what stands behind the tab in the address: the name of one, and perhaps an account on it. */
export function Operations({ tab = "health", more = [] }) {
  const [name, text, View] = DOORS.find(([each]) => each === tab) ?? DOORS[0];
  const [one, account] = more;
  if (one && ["replays", "branches"].includes(name)) return html`<${Inner} ...${{ name, text, one, account }} />`;
  return html`<p class="crumbs"><a href=${href([])}>Ledger</a> / Operations</p>
    <${Title} text=${text} />
    <div class="doors">
      <nav class="tabs" aria-label="Of operations">
        ${DOORS.map(([each, of]) => html`<a class="tab" href=${href(["operations", each])} aria-current=${name === each ? "page" : undefined}>${of}</a>`)}
      </nav>
    </div>
    ${mayOperate() ? html`<${View} />` : html`<${Reserved} />`}`;
}

function Inner({ name, text, one, account }) {
  const view = name === "replays"
    ? html`<${Replay} replayId=${one} />`
    : account ? html`<${Decisions} name=${one} aggregateId=${account} />` : html`<${Branch} name=${one} />`;
  return html`<p class="crumbs">
      <a href=${href([])}>Ledger</a> / Operations / <a href=${href(["operations", name])}>${text}</a>${account && html` / <a href=${href(["operations", name, one])}>${one}</a>`}
    </p>
    ${mayOperate() ? view : html`<${Title} text=${one} /><${Reserved} />`}`;
}

function Health() {
  const found = useLoaded((signal) => get("operations/health", {}, signal), []);
  return html`<${Again} found=${found} what="Asking how far things are" at=${found.content?.at} />
    ${found.content && html`<${Pipeline} of=${found.content} />`}`;
}

function Pipeline({ of }) {
  const { queues, deadLetters, projections, processes } = of;
  return html`<section class="room" aria-label="Projections">
      <h2>Projections</h2>
      ${projections === null
        ? html`<p class="quiet">The ledger keeps no index by type: how far they are behind cannot be told.</p>`
        : html`<p class="hint">The newest events of each type, looked for in the rows that they change.</p>
            ${projections.map((each) => html`<${Lag} key=${each.projection} of=${each} />`)}`}
    </section>
    <section class="room" aria-label="Queues">
      <h2>Queues</h2>
      ${queues.map(
        (each) => html`<${Facts} key=${each.queue} name=${words(each.queue)} mark=${mark(each.deadLetters === "0", "clear", many(each.deadLetters, "dead letter"))}>
          <div><dt>Waiting</dt><dd>${each.waiting}</dd></div>
          <div><dt>In work</dt><dd>${each.inWork}</dd></div>
          <div><dt>Delayed</dt><dd>${each.delayed}</dd></div>
        <//>`,
      )}
    </section>
    <section class="room" aria-label="Dead letters">
      <h2>Dead letters</h2>
      <dl class="facts">
        ${deadLetters.map((each) => html`<div key=${each.queue}><dt>${words(each.queue)}</dt><dd>${each.letters}</dd></div>`)}
      </dl>
      <p><a href=${href(["operations", "dead-letters"])}>What went wrong</a></p>
    </section>
    <section class="room" aria-label="Under way">
      <h2>Under way</h2>
      <${Facts} name=${words(`${processes.kind}s`)} mark=${mark(processes.overdue === "0", "on time", `${processes.overdue} overdue`)}>
        <div><dt>Under way</dt><dd>${processes.underWay}${!processes.complete && " or more"}</dd></div>
        ${processes.overdueSince && html`<div><dt>Overdue since</dt><dd><${Time} at=${processes.overdueSince} /></dd></div>`}
      <//>
    </section>`;
}

function Lag({ of }) {
  return html`<${Facts} name=${words(of.projection)} mark=${mark(of.behind === "0", "up to date", `${many(of.secondsBehind, "second")} behind`)}>
    <div><dt>Looked at</dt><dd>${many(of.lookedAt, of.kind)}</dd></div>
    <div><dt>Behind</dt><dd>${of.behind}</dd></div>
    ${of.oldestMissing && html`<div><dt>Oldest event missing</dt><dd><${Time} at=${of.oldestMissing} /></dd></div>`}
  <//>`;
}

function DeadLetters() {
  const found = useLoaded((signal) => get("operations/dead-letters", {}, signal), []);
  const [done, setDone] = useState(null);
  const redriven = (answer) => {
    setDone(answer);
    found.reload();
  };
  const { groups, queues, complete } = found.content ?? {};
  return html`<${Again} found=${found} what="Looking into the dead letter queues" />
    <p role="status">${done && told(done)}</p>
    ${done?.problems.length > 0 &&
    html`<ul class="problem">${done.problems.map((each) => html`<li key=${each.messageId}><code>${each.messageId}</code> ${each.problem}</li>`)}</ul>`}
    ${complete === false && html`<p class="hint">This is a part of them: ${partly(queues)}.</p>`}
    ${groups?.length === 0 && html`<p class="quiet">${complete ? "There are none." : "None could be looked at."}</p>`}
    ${groups?.map((each) => html`<${Group} key=${[each.queue, each.cause, each.remedy, each.hopeless]} group=${each} done=${redriven} />`)}`;
}

function told({ moved, failed, skipped, complete }) {
  const more = [failed !== "0" && `${failed} could not be sent`, skipped !== "0" && `${skipped} left to an operator's command`];
  const rest = complete ? "" : " There are more: redrive again.";
  return `${many(moved, "letter")} sent on${more.filter(Boolean).map((each) => `, ${each}`).join("")}.${rest}`;
}

function partly(queues) {
  const parts = queues.flatMap(({ queue, left, hidden }) => [
    left !== "0" && `about ${left} more in ${queue}`,
    hidden !== "0" && `about ${hidden} in ${queue} held by somebody else`,
  ]);
  return parts.filter(Boolean).join(", ");
}

function Group({ group, done }) {
  const { queue, cause, remedy, hopeless, redrivable, count, oldest, aggregateIds, letters } = group;
  return html`<section class="room" aria-label=${`${queue}: ${cause}`}>
    <div class="room-head"><h2>${words(queue)}: ${cause.replaceAll("-", " ")}</h2></div>
    <dl class="facts">
      <div><dt>Letters</dt><dd>${count}</dd></div>
      <div><dt>Oldest</dt><dd><${Time} at=${oldest} /></dd></div>
      <div><dt>What helps</dt><dd>${hopeless ? "nothing known: sent again, they would come back" : remedy}</dd></div>
    </dl>
    ${aggregateIds.length > 0 && html`<p class="about">About ${aggregateIds.map((each) => html`<code key=${each}>${each}</code> `)}</p>`}
    <details class="letters">
      <summary>${letters.length < Number(count) ? `The oldest ${letters.length}` : "Letter by letter"}</summary>
      <ul>${letters.map((each) => html`<${Letter} key=${each.messageId} letter=${each} />`)}</ul>
    </details>
    ${redrivable
      ? html`<${Redrive} ...${{ queue, cause, count, remedy, done }} />`
      : html`<p class="hint">Not from here: <code>ops dead-letters</code> looks closer, and reaches further.</p>`}
  </section>`;
}

function Letter({ letter }) {
  const places = letter.events.map((each) => `${each.aggregateId} #${each.sequence ?? "?"}`).join(", ");
  return html`<li>
    <p><${Time} at=${letter.since} /> · received ${letter.receives}× · <code>${letter.messageId}</code></p>
    <p>${letter.reason}</p>
    ${places && html`<p class="quiet">${places}</p>`}
  </li>`;
}

function Redrive({ queue, cause, count, remedy, done }) {
  const question = `Send ${many(count, "letter")} ${remedy}? Is the cause mended?`;
  const act = async () => done(await post("operations/dead-letters:redrive", { queue, cause }));
  return html`<${Twice} text="Redrive" ...${{ question, act }} sure="Redrive them" doing="Sending …" leave="Leave them" />`;
}
